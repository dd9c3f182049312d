"""The plain wire's door and its edges, without a network between."""

import json
import re
from typing import Any

import pytest
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError
from pytest_django import Settings

from accounts.models import User
from accounts.tokens import access_token
from realtime import database
from realtime.codec import Push
from realtime.middleware import JWTAuthMiddleware
from realtime.models import OutboxEntry
from realtime.process import Process
from realtime.transports.plain import PLAIN, ProtocolError, RequestError
from tests.realtime.sockets import Socket
from tests.realtime.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def change(settings: Settings) -> Any:
    """`change(MAX_ROOMS=2)` changes settings of the core."""

    def apply(**values: object) -> None:
        settings.REALTIME = {**settings.REALTIME, **values}

    return apply


def kept() -> list[int]:
    """The numbers of the notes in the outbox, in order."""
    entries = [bytes(entry.body) for entry in OutboxEntry.objects.order_by("pk")]
    return [int(number) for entry in entries for number in re.findall(rb'"number":(\d+)', entry)]


@pytest.mark.asyncio
async def test_who_sends_no_token_in_time_is_told_and_closed(process: Process, change: Any) -> None:
    change(AUTH_TIMEOUT=0.05)
    socket = Socket().open()
    assert await socket.ended() == 4408
    assert [frame["data"]["code"] for frame in socket.frames] == ["AUTH_TIMEOUT"]


@pytest.mark.asyncio
async def test_who_leaves_before_the_token_leaves_nothing(process: Process) -> None:
    socket = Socket().open()
    await until(lambda: bool(socket.messages))
    await socket.leave()
    assert socket.frames == []
    assert process.hub.sessions == set()


@pytest.mark.asyncio
async def test_an_expired_token_is_told_apart(process: Process, alice: User, change: Any) -> None:
    from tests.integration.test_sessions import token_for  # noqa: PLC0415 -- it needs no server

    socket = Socket(token=token_for(alice, -5)).open()
    assert await socket.ended() == 4401
    assert socket.frames[0]["data"]["code"] == "TOKEN_EXPIRED"


@pytest.mark.asyncio
async def test_too_many_connections_of_one_address_are_refused(process: Process, alice: User, change: Any) -> None:
    change(CONNECTIONS_PER_ADDRESS="2/minute")
    for _ in range(2):
        await (await Socket(alice, client=("9.9.9.9", 1)).greeted()).leave()
    refused = Socket(alice, client=("9.9.9.9", 2)).open()
    assert await refused.ended() == 4429
    assert refused.frames[0]["data"]["code"] == "TOO_MANY_CONNECTIONS"
    assert refused.frames[0]["data"]["retryAfter"] >= 1
    await (await Socket(alice, client=("9.9.9.8", 1)).greeted()).leave()


@pytest.mark.asyncio
async def test_behind_a_trusted_proxy_each_client_counts_for_itself(process: Process, alice: User, change: Any) -> None:
    change(CONNECTIONS_PER_ADDRESS="1/minute", TRUSTED_PROXIES=["10.0.0.0/8"])
    for hop in (b"9.9.9.1", b"9.9.9.2"):
        await (await Socket(alice, client=("10.0.0.1", 1), headers=[(b"x-forwarded-for", hop)]).greeted()).leave()
    again = Socket(alice, client=("10.0.0.1", 1), headers=[(b"x-forwarded-for", b"9.9.9.1")]).open()
    assert await again.ended() == 4429


@pytest.mark.asyncio
async def test_tls_that_a_trusted_proxy_ended_makes_the_same_origin(process: Process, alice: User, change: Any) -> None:
    change(TRUSTED_PROXIES=["10.0.0.0/8"])
    headers = [(b"origin", b"https://testserver"), (b"x-forwarded-proto", b"https")]
    await (await Socket(alice, client=("10.0.0.1", 1), headers=headers).greeted()).leave()
    assert await Socket(alice, client=("9.9.9.9", 1), headers=headers).open().ended() == 4403


@pytest.mark.asyncio
async def test_a_server_that_drains_takes_nobody_new_and_sends_all_away(process: Process, alice: User) -> None:
    there = await Socket(alice).greeted()
    await process.drain()
    assert await there.ended() == 1001
    assert await Socket(alice).open().ended() == 1001
    assert process.troubles == ["draining"]


@pytest.mark.asyncio
async def test_a_reader_that_is_too_slow_is_cut_with_1013(process: Process, alice: User, change: Any) -> None:
    change(SEND_BUFFER=3000)
    slow = await Socket(alice).greeted()
    slow.reads.clear()
    for number in range(40):
        slow.ask("nothing.known", id=number)
    await until(lambda: _is_cut(process))
    slow.reads.set()
    assert await slow.ended() == 1013
    assert process.hub.sessions == set()


def _is_cut(process: Process) -> bool:
    return all(session.sink.is_closed for session in process.hub.sessions)


@pytest.mark.asyncio
async def test_a_client_that_breaks_off_is_forgotten(process: Process, alice: User) -> None:
    socket = await Socket(alice).greeted()
    socket.is_broken = True
    socket.ask("ping", id=1)
    await until(lambda: _is_cut(process))
    await socket.leave()
    assert process.hub.sessions == set()


@pytest.mark.asyncio
async def test_rooms_are_joined_left_and_limited(process: Process, alice: User, change: Any) -> None:
    change(MAX_ROOMS=2)
    socket = await Socket(alice).greeted()
    for name in ("one", "two", "two"):
        assert (await socket.call("rooms.subscribe", {"room": "lab", "id": name}))["ok"]
    assert (await socket.call("rooms.subscribe", {"room": "lab:three"}))["error"]["code"] == "TOO_MANY_ROOMS"
    assert (await socket.call("rooms.subscribe", {"room": "vault:1"}))["error"]["code"] == "FORBIDDEN"
    assert (await socket.call("rooms.unsubscribe", {"room": "lab:one"}))["data"] == {"room": "lab:one"}
    assert (await socket.call("rooms.unsubscribe", {"room": "lab:one"}))["ok"]
    assert (await socket.call("rooms.subscribe", {"room": "lab:three"}))["ok"]
    rooms = (await socket.call("rooms.list"))["data"]["rooms"]
    assert rooms == ["global:all", "lab:three", "lab:two", f"user:{alice.pk}"]
    assert (await socket.call("heartbeat"))["data"]["timestamp"].endswith("Z")
    await socket.leave()


@pytest.mark.asyncio
async def test_what_a_handler_does_to_its_session_is_done_before_the_reply(process: Process, alice: User) -> None:
    socket = await Socket(alice).greeted()
    await socket.call("rooms.subscribe", {"room": "lab:left"})
    await socket.call("lab.self", {"number": 5})
    assert [frame["event"] for frame in socket.frames[-2:]] == ["lab.gauge", "reply"]
    rooms = (await socket.call("rooms.list"))["data"]["rooms"]
    assert "lab:joined" in rooms
    assert "lab:left" not in rooms
    await socket.leave()


@pytest.mark.asyncio
async def test_who_is_put_out_by_a_command_hears_its_reply_last(process: Process, alice: User) -> None:
    socket = await Socket(alice).greeted()
    socket.ask("lab.kick", id=1)
    assert await socket.ended() == 4401
    assert socket.frames[-1]["data"]["code"] == "AUTH_FAILED"


@pytest.mark.asyncio
@pytest.mark.parametrize("command", ["lab.note", "lab.noteOnLoop"])
async def test_who_changes_something_hears_of_it_after_the_reply(process: Process, alice: User, command: str) -> None:
    socket = await Socket(alice).greeted()
    await socket.call("rooms.subscribe", {"room": "lab:notes"})
    await socket.call(command, {"number": 1})
    await socket.expect("lab.noted")
    assert [frame["event"] for frame in socket.frames[-2:]] == ["reply", "lab.noted"]
    await socket.leave()


@pytest.mark.asyncio
async def test_who_is_put_out_by_a_command_on_the_loop_hears_nothing_after_it(process: Process, alice: User) -> None:
    socket = await Socket(alice).greeted()
    await socket.call("rooms.subscribe", {"room": "lab:notes"})
    await socket.call("lab.evictOnLoop")
    await socket.call("lab.note", {"number": 1})
    socket.ask("rooms.list", id="barrier")
    await until(lambda: socket.frames[-1].get("id") == "barrier")
    assert socket.events("lab.noted") == []
    await socket.leave()


@pytest.mark.asyncio
async def test_while_nothing_can_be_sent_what_was_replied_to_is_kept(
    process: Process, alice: User, change: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order of telling, though the second has a transaction and the first has none."""

    async def cut(group: str, message: dict[str, Any]) -> None:
        raise ConnectionError("the wire is cut")

    change(RELAY_INTERVAL=60)
    socket = await Socket(alice).greeted()
    monkeypatch.setattr(process.layer, "group_send", cut)
    await socket.call("lab.tick", {"number": 0})
    await until(lambda: process.publisher.is_down)
    for name, number in (("lab.noteOnLoop", 1), ("lab.noteTwice", 2), ("lab.noteOnLoop", 4)):
        await socket.call(name, {"number": number})
    assert await database.run(kept) == [1, 2, 3, 4]
    await socket.leave()


@pytest.mark.asyncio
async def test_what_nobody_takes_is_not_replied_to_as_done(
    process: Process, alice: User, change: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut(group: str, message: dict[str, Any]) -> None:
        raise ConnectionError("the wire is cut")

    def away(*_: object, **__: object) -> list[int]:
        raise OperationalError("the database is away")

    change(RELAY_INTERVAL=0.05, CONTROL_TIMEOUT=0.05)
    socket = await Socket(alice).greeted()
    monkeypatch.setattr(process.layer, "group_send", cut)
    await socket.call("lab.tick", {"number": 0})
    await until(lambda: process.publisher.is_down)
    monkeypatch.setattr("realtime.outbox.put_behind", away)
    assert (await socket.call("lab.noteOnLoop", {"number": 1}))["error"]["code"] == "INTERNAL"
    assert (await socket.call("lab.note", {"number": 2}))["ok"]  # it is in the outbox since its transaction
    monkeypatch.undo()
    await socket.leave()


@pytest.mark.asyncio
async def test_a_handler_on_the_loop_tells_what_is_durable_and_what_is_not(process: Process, alice: User) -> None:
    socket = await Socket(alice).greeted()
    await socket.call("rooms.subscribe", {"room": "lab:notes"})
    assert (await socket.call("lab.durableFromLoop"))["ok"]
    assert (await socket.expect("lab.noted"))["number"] == 0
    await socket.call("lab.tick", {"number": 3})
    assert (await socket.expect("lab.tick"))["number"] == 3
    await socket.leave()


# -- the middleware, for consumers of one's own ---------------------------------------------------------


class Stock(AsyncJsonWebsocketConsumer):
    """What a team may bring along."""

    async def connect(self) -> None:
        await self.accept()
        user: Any = self.scope["user"]
        await self.send_json({"event": "you", "id": getattr(user, "id", None), "known": user.is_authenticated})


@pytest.mark.asyncio
async def test_a_stock_consumer_finds_the_user_and_no_token(process: Process, alice: User) -> None:
    app = JWTAuthMiddleware(Stock.as_asgi())
    socket = Socket(alice).open(app)
    await until(lambda: bool(socket.frames))
    assert socket.frames == [{"event": "you", "id": str(alice.pk), "known": True}]
    assert b"authorization" not in dict(socket.scope["headers"])
    socket.say(text="{}")
    await socket.leave()


@pytest.mark.asyncio
async def test_the_token_of_a_subprotocol_is_taken_out_of_the_scope(process: Process, alice: User) -> None:
    token = access_token(alice)
    offered = ["realtime.v1", f"bearer.{token}"]
    headers = [(b"sec-websocket-protocol", ", ".join(offered).encode())]
    socket = Socket(subprotocols=offered, headers=headers)
    await socket.greeted()
    assert socket.messages[0] == {"type": "websocket.accept", "subprotocol": "realtime.v1"}
    assert token not in str(socket.scope)
    await socket.leave()


@pytest.mark.parametrize("token", ["nonsense", ""])
@pytest.mark.asyncio
async def test_without_a_valid_token_a_stock_consumer_finds_nobody(process: Process, token: str) -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["user"], getattr(scope["credentials"], "code", None)))

    socket = Socket(token=token).open(JWTAuthMiddleware(app))
    await socket.ended()
    assert seen == [(AnonymousUser(), "AUTH_FAILED" if token else None)]


# -- the codec ------------------------------------------------------------------------------------------


def test_frames_are_read_and_written() -> None:
    request = PLAIN.decode('{"event": "a.b", "data": {"x": 1}, "id": [1, null]}')
    assert (request.event, bytes(request.data), bytes(request.id)) == ("a.b", b'{"x": 1}', b"[1, null]")
    frame = PLAIN.push(Push("a.b", b'{"x":"\xc3\xa9"}', 0.0, "e-1", "droppable"))
    assert frame is not None
    assert json.loads(frame.parts[0]) == {"event": "a.b", "data": {"x": "é"}}
    assert frame.is_droppable
    reply = PLAIN.reply(b"[1, null]", b'{"y":2}')
    assert reply is not None
    assert json.loads(reply.parts[0]) == {"event": "reply", "id": [1, None], "ok": True, "data": {"y": 2}}
    assert PLAIN.reply(b"", b"{}") is None


def test_what_cannot_be_read_is_told_apart_from_what_has_the_wrong_shape() -> None:
    for wrong in ('{"event": 1, "id": 7}', '{"id": 7}', '{"event": "a", "id": 7, "more": 1}'):
        with pytest.raises(RequestError) as shaped:
            PLAIN.decode(wrong)
        assert shaped.value.id == b"7"
    with pytest.raises(RequestError, match="surrogate") as half:
        PLAIN.decode('{"event": "a", "id": "x", "data": {"t": "\\ud83d"}}')
    assert half.value.id == b'"x"'
    for broken in ("", "{", "NaN", '{"event": Infinity}', "[" * 100_000):
        with pytest.raises((ProtocolError, RequestError)):
            PLAIN.decode(broken)
