"""Offsets, which every event of a client has that can resume its session, and no other packet; and resuming it."""

import time
from dataclasses import replace
from typing import Any

import pytest

from accounts import services
from accounts.models import User
from accounts.tokens import access_token
from realtime import database
from realtime.codec import DIRECT, Push
from realtime.log import Position
from realtime.log_memory import MemoryLog
from realtime.process import Process
from realtime.transports.socketio.codec import codec_of
from realtime.vocabulary import Shape, Tell, each, whole
from tests.integration.test_sessions import token_for
from tests.lab.doors import LAB
from tests.realtime.transports.socketio.clients import JAVASCRIPT, PYTHON, Client
from tests.realtime.transports.socketio.conftest import Configure, Open
from tests.realtime.waiting import until

with_a_server = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


# -- pure -------------------------------------------------------------------------------------------------------


def push(name: str = "lab.gauge", data: bytes = b'{"name":"a","value":1}', policy: str = DIRECT) -> Push:
    return Push(name, data, 0.0, "e-1", policy)


def test_an_event_has_its_offset_as_the_last_argument() -> None:
    with_it, without = (codec_of(LAB, "/lab", offsets=offsets) for offsets in (True, False))
    frames = [codec.push(push()) for codec in (with_it, without)]
    assert [frame.parts for frame in frames if frame] == [
        ('42/lab,["gauge","a",1,"e-1"]',),
        ('42/lab,["gauge","a",1]',),
    ]


def test_a_question_has_none() -> None:
    codec = codec_of(LAB, "/", offsets=True)
    assert codec.question(push(), 7).parts == ('427["gauge","a",1]',)
    with pytest.raises(LookupError):
        codec.question(push("no.such"), 7)


def test_a_reply_has_one() -> None:
    frame = codec_of(LAB, "/", offsets=True).reply(Tell("r", lambda data, at: [data, at]), {"a": 1}, 2.5, "e-9")
    assert frame.parts == ('42["r",{"a":1},2.5,"e-9"]',)


def test_what_the_family_has_no_word_for_is_no_frame() -> None:
    assert codec_of(LAB, "/", offsets=True).push(push("no.such")) is None


@pytest.mark.parametrize("shape", [whole, each("name")])
def test_what_the_family_does_not_tell_of_an_event_is_no_frame(shape: Shape) -> None:
    tell = Tell("gauge", shape, when=lambda data: bool(data["value"] == 1))
    codec = codec_of(replace(LAB, name="some", tells={"lab.gauge": tell}), "/", offsets=False)
    assert codec.push(push()) is not None
    assert codec.push(push(data=b'{"name":"a","value":2}')) is None


def test_what_is_droppable_is_marked() -> None:
    frames = [codec_of(LAB, "/", offsets=True).push(push(policy=policy)) for policy in ("droppable", "durable", DIRECT)]
    assert [frame.is_droppable for frame in frames if frame] == [True, False, False]


def test_money_is_as_exact_as_it_was() -> None:
    data = b'{"name":"500.00","value":500.00}'
    frame = codec_of(LAB, "/", offsets=False).push(push(data=data))
    assert frame is not None
    assert frame.parts == ('42["gauge","500.00",500.00]',)
    exact = codec_of(LAB, "/", offsets=False).push(push(data=b'{"name":"","value":0.1000000000000000055}'))
    assert exact is not None
    assert exact.parts == ('42["gauge","",0.1000000000000000055]',)


def test_all_listeners_of_one_kind_share_a_codec() -> None:
    codecs = {codec_of(LAB, namespace, offsets=offsets) for namespace in "ab" for offsets in (True, False)} | {
        codec_of(LAB, namespace, offsets=offsets) for namespace in "ab" for offsets in (True, False)
    }
    assert len(codecs) == 4
    assert len({codec.name for codec in codecs}) == 2, "a session does not change its name with its client"


# -- who has them ---------------------------------------------------------------------------------------------------


class TestOffsets:
    pytestmark = with_a_server

    @pytest.mark.parametrize(
        ("query", "has_offsets"),
        [
            (JAVASCRIPT, True),
            (PYTHON, False),
            (JAVASCRIPT + "&recovery=0", False),
            (PYTHON + "&recovery=1", True),
            (PYTHON + "&recovery=yes", False),
            (JAVASCRIPT + "&recovery=", True),
            ("EIO=4&t=abc&transport=websocket", False),
            ("token=x&EIO=4&transport=websocket&t=abc", True),
        ],
    )
    async def test_who_can_take_a_pid_and_offsets_gets_them(
        self, open_client: Open, query: str, has_offsets: bool
    ) -> None:
        client = await open_client(query)
        answer = await client.enter("/lab")
        assert ("pid" in answer) is has_offsets
        client.emit("/lab", "message", "x")
        client.emit("/lab", "no-such")
        await client.expect("error")
        assert [len(event) for event in client.events()] == [3 + has_offsets, 2 + has_offsets, 2 + has_offsets]

    async def test_every_event_has_one_and_no_other_packet(self, open_client: Open, alice: User) -> None:
        client = await open_client()
        await client.enter("/lab", {"token": token_for(alice, 50)})
        client.emit("/lab", "message", "several", "arguments", b"binary")
        client.emit("/lab", "message")
        client.emit("/lab", "self", 5)
        client.emit("/lab", "everywhere", 1)
        client.emit("/lab", "tick", 1)
        client.emit("/lab", "no-such")
        client.emit("/lab", "ping")
        assert await client.call("/lab", "message", "text") == ["text"]
        client.emit("/lab", "ask", 3, id=1)
        await client.until(lambda: any(p.kind == 2 and p.id is not None for p in client.packets))
        question = next(p for p in client.packets if p.kind == 2 and p.id is not None)
        assert question.data == ["gauge", "asked", 3]
        client.say(f"43/lab,{question.id}[]")
        await client.ack(1, "/lab")
        await client.expect("auth.expiring")
        events = [p.data for p in client.packets if p.kind in {2, 5} and p.id is None]
        assert {event[0] for event in events} == {
            *("hello", "message-back", "gauge", "noted", "tick", "error", "pong", "auth.expiring")
        }
        offsets = [Position.parse(event[-1]) for event in events]
        assert None not in offsets
        numbers = [offset.number for offset in offsets if offset is not None]
        assert numbers == sorted(numbers)
        assert {len(event) for event in events if event[0] == "noted"} == {3}

    async def test_a_broadcast_has_the_same_offset_for_all(self, open_client: Open, alice: User, bob: User) -> None:
        clients = [await open_client(), await open_client(), await open_client(PYTHON)]
        for client, user in zip(clients, (alice, bob, bob), strict=True):
            await client.enter("/lab", {"token": access_token(user)})
            await client.expect("hello")
        await clients[0].call("/lab", "note", 7)
        told = [await client.expect("noted") for client in clients]
        assert told[0] == told[1] == [7, told[0][-1]]
        assert told[2] == [7]

    async def test_auth_success_and_errors_before_it_have_one(self, open_client: Open, alice: User) -> None:
        client = await open_client()
        await client.enter("/band")
        client.emit("/band", "message", 1)
        client.emit("/band", "auth", access_token(alice))
        await client.expect("hello")
        assert [event[0] for event in client.events()] == ["error", "auth-success", "hello"]
        assert all(Position.parse(event[-1]) for event in client.events())

    async def test_the_farewell_has_one(self, open_client: Open, alice: User) -> None:
        client = await open_client()
        await client.enter("/lab", {"token": access_token(alice)})
        client.emit("/lab", "kick")
        assert Position.parse((await client.expect("error"))[-1])


def expire(process: Process, pid: str) -> None:
    """The token of a lost session counts no more."""
    assert isinstance(process.log, MemoryLog)
    record = process.log._sessions._records[pid]
    record.credentials = replace(record.credentials, expires_at=time.time() - 1)


# -- coming back ------------------------------------------------------------------------------------------------------


class Away:
    """Somebody who was connected and lost it, and somebody who goes on talking."""

    def __init__(self, open_client: Open, alice: User, bob: User) -> None:
        self.open, self.alice, self.bob = open_client, alice, bob

    async def lost(self, namespace: str = "/lab", *, heard: int = 2) -> "Away":
        """Alice has heard some notes and has lost her connection; Bob has told three more."""
        self.token = access_token(self.alice)
        self.speaker = await self.open()
        await self.speaker.enter("/lab", {"token": access_token(self.bob)})
        client = await self.open()
        self.answer = await client.enter(namespace, {"token": self.token})
        await client.expect("hello")
        for number in range(heard):
            await self.speaker.call("/lab", "note", number)
            await client.expect("noted", count=number + 1)
        self.offset = client.events()[-1][-1]
        await client.leave()
        for number in range(heard, heard + 3):
            await self.speaker.call("/lab", "note", number)
        return self

    def auth(self, **more: Any) -> dict[str, Any]:
        return {"token": self.token, "pid": self.answer["pid"], "offset": self.offset} | more

    async def back(self, namespace: str = "/lab", query: str = JAVASCRIPT, **more: Any) -> Client:
        """She is there again."""
        client = await self.open(query)
        self.again = await client.enter(namespace, {k: v for k, v in self.auth(**more).items() if v is not ...})
        await client.expect("hello")
        return client


@pytest.fixture
def away(open_client: Open, alice: User, bob: User) -> Away:
    return Away(open_client, alice, bob)


class TestRecovery:
    pytestmark = with_a_server

    async def test_who_comes_back_gets_what_was_missed_and_then_the_greeting(self, away: Away) -> None:
        client = await (await away.lost()).back()
        assert away.again == away.answer, "the same sid and pid"
        assert [event[:-1] for event in client.events()] == [
            *(["noted", 2], ["noted", 3], ["noted", 4]),
            ["hello", str(away.alice.pk), True],
        ]
        numbers = [Position.parse(event[-1]) for event in client.events()]
        assert None not in numbers
        assert [n.number for n in numbers if n] == sorted(n.number for n in numbers if n)
        await away.speaker.call("/lab", "note", 5)
        assert (await client.expect("noted", count=4))[0] == 5

    async def test_who_comes_back_twice_gets_nothing_twice(self, away: Away) -> None:
        client = await (await away.lost()).back()
        away.offset = client.events()[-1][-1]
        await client.leave()
        again = await away.back()
        assert [event[0] for event in again.events()] == ["hello"]
        assert away.again == away.answer

    async def test_who_heard_nothing_at_all_gets_everything_since(self, away: Away) -> None:
        client = await (await away.lost(heard=0)).back(offset=...)
        assert [event[1] for event in client.events()[:-1]] == [0, 1, 2]

    async def test_rooms_asked_for_are_joined_again(self, away: Away) -> None:
        away.speaker = await away.open()
        client = await away.open()
        token = access_token(away.alice)
        first = await client.enter("/lab", {"token": token})
        await client.call("/lab", "join", {"room": "lab:other"})
        offset = (await client.expect("hello"))[-1]
        await client.leave()
        again = await away.open()
        assert await again.enter("/lab", {"token": token, "pid": first["pid"], "offset": offset}) == first

    @pytest.mark.parametrize(
        "wrong",
        [
            {"pid": "nonsense"},
            {"pid": ""},
            {"pid": 7},
            {"pid": None},
            {"pid": ["x"]},
            {"pid": "\ud83d"},
            {"offset": "nonsense"},
            {"offset": ""},
            {"offset": "00000000-1"},
            {"offset": 7},
            {"offset": {}},
            {"offset": "\ud83d"},
        ],
        ids=str,
    )
    async def test_who_brings_something_wrong_begins_anew(self, away: Away, wrong: dict[str, Any]) -> None:
        client = await (await away.lost()).back(**wrong)
        assert away.again["sid"] != away.answer["sid"]
        assert away.again["pid"] != away.answer["pid"]
        assert [event[:-1] for event in client.events()] == [["hello", str(away.alice.pk), False]]

    @pytest.mark.parametrize("shift", [1, 10**6, 10**17])
    async def test_an_offset_of_the_future_begins_anew(self, away: Away, shift: int) -> None:
        await away.lost()
        position = Position.parse(away.offset)
        assert position is not None
        client = await away.back(offset=str(position._replace(number=position.number + 3 + shift)))
        assert client.events("hello")[0][1] is False
        assert away.again["pid"] != away.answer["pid"]

    async def test_nobody_resumes_somebody_elses_session(self, away: Away) -> None:
        client = await (await away.lost()).back(token=access_token(away.bob))
        assert client.events("hello")[0][:2] == [str(away.bob.pk), False]
        assert away.again["pid"] != away.answer["pid"]
        mine = await away.back()
        assert mine.events("hello")[0][1] is True, "it is still hers"

    async def test_a_session_is_not_resumed_in_another_namespace(self, away: Away) -> None:
        client = await (await away.lost()).back("/locked")
        assert client.events("hello")[0][1] is False
        assert away.again["pid"] != away.answer["pid"]

    async def test_who_left_by_itself_has_nothing_to_come_back_to(self, open_client: Open, alice: User) -> None:
        client = await open_client()
        auth = {"token": access_token(alice)}
        first = await client.enter("/lab", auth)
        offset = (await client.expect("hello"))[-1]
        client.say("41/lab,")
        again = await client.enter("/lab", auth | {"pid": first["pid"], "offset": offset})
        assert again["pid"] != first["pid"]
        assert (await client.expect("hello", count=2))[1] is False

    async def test_a_client_without_offsets_does_not_resume(self, away: Away) -> None:
        client = await (await away.lost()).back(query=PYTHON)
        assert away.again.keys() == {"sid"}
        assert [event[0] for event in client.events()] == ["hello"]

    async def test_after_the_window_a_session_begins_anew(self, away: Away, configure: Configure) -> None:
        await away.lost()
        configure(recovery_window=0)
        client = await away.back()
        assert client.events("hello")[0][1] is False

    async def test_who_was_logged_out_everywhere_does_not_come_back(self, away: Away, process: Process) -> None:
        await away.lost()
        await database.run(lambda: services.log_out_everywhere(user_id=away.alice.pk))
        await until(lambda: str(away.alice.pk) in process.hub._revocations)
        client = await away.open()
        client.ask_in("/lab", away.auth())
        await client.until(lambda: 4 in client.kinds())
        away.token = access_token(await database.run(lambda: User.objects.get(pk=away.alice.pk)))
        fresh = await away.back()
        assert fresh.events("hello")[0][1] is False
        assert away.again["pid"] != away.answer["pid"]

    async def test_a_new_token_resumes_a_session_whose_own_has_expired(self, away: Away, process: Process) -> None:
        await away.lost()
        expire(process, away.answer["pid"])
        client = await away.back(token=token_for(away.alice, 1000))
        assert away.again == away.answer
        assert client.events("hello")[0][1] is True

    async def test_who_comes_back_while_the_old_connection_lives_takes_it_over(self, away: Away) -> None:
        old = await away.open()
        token = access_token(away.alice)
        first = await old.enter("/lab", {"token": token})
        offset = (await old.expect("hello"))[-1]
        new = await away.open()
        assert await new.enter("/lab", {"token": token, "pid": first["pid"], "offset": offset}) == first
        assert await old.ended() == 1001
        assert 1 not in old.kinds(), "a client that hears DISCONNECT would stay away"
        assert (await new.expect("hello"))[1] is True


class TestRecoveryInBand:
    pytestmark = with_a_server

    async def lost(self, open_client: Open, user: User) -> dict[str, Any]:
        client = await open_client()
        answer = await client.enter("/band")
        client.emit("/band", "auth", access_token(user))
        offset = (await client.expect("hello"))[-1]
        await client.call("/band", "note", 1)
        assert await client.expect("noted")
        await client.leave()
        return {"pid": answer["pid"], "offset": offset}

    async def test_the_secret_pid_gives_the_session_back_until_auth_follows(
        self, open_client: Open, alice: User
    ) -> None:
        known = await self.lost(open_client, alice)
        client = await open_client()
        assert (await client.enter("/band", known))["pid"] == known["pid"]
        await client.expect("hello")
        assert [event[:-1] for event in client.events()] == [["noted", 1], ["hello", str(alice.pk), True]]
        client.emit("/band", "auth", access_token(alice))
        assert (await client.expect("auth-success"))[0] == {"userId": str(alice.pk)}
        assert client.events("error") == []

    async def test_with_a_token_that_has_expired_the_pid_alone_is_worth_nothing(
        self, open_client: Open, alice: User, process: Process
    ) -> None:
        known = await self.lost(open_client, alice)
        expire(process, known["pid"])
        client = await open_client()
        assert (await client.enter("/band", known))["pid"] != known["pid"]
        assert (await client.call("/band", "message", 1))[0]["code"] == "NOT_AUTHENTICATED"

    async def test_without_auth_in_time_it_ends(self, open_client: Open, alice: User, configure: Configure) -> None:
        known = await self.lost(open_client, alice)
        client = await open_client()
        configure(auth_timeout=0.05)
        await client.enter("/band", known)
        await client.until(lambda: 1 in client.kinds())
        assert client.events("error")[0][0]["code"] == "AUTH_TIMEOUT"

    @pytest.mark.parametrize("id", [None, 1])
    async def test_auth_of_somebody_else_ends_it(
        self, open_client: Open, alice: User, bob: User, id: int | None
    ) -> None:
        known = await self.lost(open_client, alice)
        client = await open_client()
        await client.enter("/band", known)
        client.emit("/band", "auth", access_token(bob), id=id)
        await client.until(lambda: 1 in client.kinds())
        assert client.events("error")[0][0]["code"] == "AUTH_FAILED"
        assert client.events("auth-success") == []

    async def test_after_a_log_out_everywhere_the_pid_is_worth_nothing(
        self, open_client: Open, alice: User, process: Process
    ) -> None:
        known = await self.lost(open_client, alice)
        await database.run(lambda: services.log_out_everywhere(user_id=alice.pk))
        await until(lambda: str(alice.pk) in process.hub._revocations)
        client = await open_client()
        assert (await client.enter("/band", known))["pid"] != known["pid"]
        assert (await client.call("/band", "message", 1))[0]["code"] == "NOT_AUTHENTICATED"
        assert client.events() == []

    async def test_a_pid_of_a_handshake_session_does_not_let_in_without_a_token(self, away: Away) -> None:
        await away.lost("/band")
        client = await away.open()
        answer = await client.enter("/band", {"pid": away.answer["pid"], "offset": away.offset})
        assert answer["pid"] != away.answer["pid"]
        assert (await client.call("/band", "message", 1))[0]["code"] == "NOT_AUTHENTICATED"
