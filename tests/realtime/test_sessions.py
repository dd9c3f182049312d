"""One connected person: commands in order, memberships that change meanwhile, and the end in every way."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from accounts.tokens import access_token
from realtime import database
from realtime.commands import command
from realtime.events import Event
from realtime.process import Process
from realtime.publishing import Admit, Disconnect, Evict, Push, publish
from realtime.rooms import UserRoom
from realtime.sessions import Session
from tests.lab.commands import Number
from tests.lab.events import Noted
from tests.lab.rooms import LabRoom
from tests.realtime.sockets import Socket
from tests.realtime.waiting import until

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]
NOTES = LabRoom("notes")


class Gate:
    """Holds up a database thread until the test lets it go."""

    def __init__(self) -> None:
        self.reached, self.go = threading.Event(), threading.Event()

    def pass_(self) -> None:
        self.reached.set()
        assert self.go.wait(10), "nobody opened the gate"


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    GATES.append(made)
    yield made
    GATES.remove(made)
    made.go.set()


GATES: list[Gate] = []


@command("test.note")
def note_slowly(session: Session, data: Number) -> None:
    publish(Push(NOTES, Noted(number=data.number)))
    GATES[-1].pass_()


@command("test.wait")
def wait(session: Session) -> None:
    GATES[-1].pass_()


@command("test.join")
def join_many(session: Session, data: Number) -> None:
    for number in range(data.number):
        session.join(LabRoom(number))


@pytest.fixture
def change(settings: Settings) -> Callable[..., None]:
    def apply(**values: object) -> None:
        settings.REALTIME = {**settings.REALTIME, **values}

    return apply


async def addresses(socket: Socket) -> list[str]:
    reply = await socket.call("rooms.list")
    return [room for room in reply["data"]["rooms"] if room.startswith("lab:")]


# -- order ---------------------------------------------------------------------------------------------------


async def test_commands_run_strictly_one_after_another(process: Process, alice: User, gate: Gate) -> None:
    socket = await Socket(alice).greeted()
    socket.ask("test.wait", id="slow")
    for number in range(5):
        socket.ask("ping", id=number)
    await until(gate.reached.is_set)
    other = await Socket(alice).greeted()
    assert (await other.call("ping"))["ok"]  # another connection of the same person is not held up
    assert socket.events("reply") == []
    gate.go.set()
    await until(lambda: len(socket.frames) == 7)
    assert [frame["id"] for frame in socket.frames[1:]] == ["slow", 0, 1, 2, 3, 4]


async def test_what_a_handler_publishes_comes_after_its_reply(process: Process, alice: User, gate: Gate) -> None:
    gate.go.set()
    socket = await Socket(alice).greeted()
    await socket.call("rooms.subscribe", {"room": "lab:notes"})
    for number in range(10):
        socket.ask("test.note", {"number": number}, id=number)
    await until(lambda: len(socket.events("lab.noted")) == 10)
    replied = [frame["id"] if frame["event"] == "reply" else frame["data"]["number"] for frame in socket.frames[2:]]
    for number in range(10):
        assert replied.count(number) == 2
        kinds = [f["event"] for f in socket.frames[2:] if number in (f.get("id"), f["data"].get("number"))]
        assert kinds == ["reply", "lab.noted"]


async def test_a_command_without_an_id_is_answered_only_if_it_fails(process: Process, alice: User) -> None:
    socket = await Socket(alice).greeted()
    socket.ask("ping")
    socket.ask("nothing.known")
    await socket.call("ping")
    assert [frame["event"] for frame in socket.frames[1:]] == ["error", "reply"]
    assert socket.frames[1]["data"]["code"] == "UNKNOWN_EVENT"


async def test_what_a_client_says_is_checked_by_name_then_rate_then_payload(process: Process, alice: User) -> None:
    socket = await Socket(alice).greeted()
    replies = [await socket.call("lab.echo", {"number": "x"}) for _ in range(4)]
    assert [reply["error"]["code"] for reply in replies] == ["INVALID_PAYLOAD"] * 3 + ["RATE_LIMITED"]


# -- memberships that change meanwhile ----------------------------------------------------------------------------


async def test_who_is_evicted_while_asking_to_come_in_is_refused(
    process: Process, alice: User, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LabRoom, "allows", lambda room, user: gate.pass_() is None)  # type: ignore[func-returns-value]
    socket = await Socket(alice).greeted()
    socket.ask("rooms.subscribe", {"room": "lab:notes"}, id=1)
    await until(gate.reached.is_set)
    await database.run(publish, Evict(alice.pk, NOTES))
    await until(lambda: any("lab:notes" in session._membership.evicted for session in process.hub.sessions))
    gate.go.set()
    await until(lambda: any(frame.get("id") == 1 for frame in socket.frames))
    assert socket.frames[-1]["error"]["code"] == "FORBIDDEN"
    assert await addresses(socket) == []
    assert "lab:notes" not in process.hub._rooms


async def test_who_is_evicted_and_admitted_again_while_asking_comes_in(
    process: Process, alice: User, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LabRoom, "allows", lambda room, user: gate.pass_() is None)  # type: ignore[func-returns-value]
    socket = await Socket(alice).greeted()
    socket.ask("rooms.subscribe", {"room": "lab:notes"}, id=1)
    await until(gate.reached.is_set)
    await database.run(publish, Evict(alice.pk, NOTES), Admit(alice.pk, NOTES))
    await until(lambda: "lab:notes" in process.hub._rooms)
    gate.go.set()
    await until(lambda: any(frame.get("id") == 1 for frame in socket.frames))
    assert socket.frames[-1]["ok"]
    assert await addresses(socket) == ["lab:notes"]


async def test_who_is_evicted_while_the_connection_begins_does_not_come_in(
    process: Process, alice: User, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def automatic(user: Any) -> list[LabRoom]:
        gate.pass_()
        return [NOTES, LabRoom("more")]

    monkeypatch.setattr(LabRoom, "automatic", automatic)
    socket = Socket(alice).open()
    await until(gate.reached.is_set)
    await database.run(publish, Evict(alice.pk, NOTES))
    await until(lambda: any("lab:notes" in session._membership.evicted for session in process.hub.sessions))
    gate.go.set()
    greeting = await socket.expect("connected")
    assert [room for room in greeting["rooms"] if room.startswith("lab:")] == ["lab:more"]


async def test_what_is_told_while_the_connection_begins_comes_after_the_greeting(
    process: Process, alice: User, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def automatic(user: Any) -> list[LabRoom]:
        gate.pass_()
        return []

    monkeypatch.setattr(LabRoom, "automatic", automatic)
    socket = Socket(alice).open()
    await until(gate.reached.is_set)
    await database.run(publish, Admit(alice.pk, NOTES), Push(NOTES, Noted(number=1)), Push(NOTES, Noted(number=2)))
    await until(lambda: "lab:notes" in process.hub._rooms)
    gate.go.set()
    await until(lambda: len(socket.events("lab.noted")) == 2)
    assert [frame["event"] for frame in socket.frames] == ["connected", "lab.noted", "lab.noted"]
    assert "lab:notes" in socket.frames[0]["data"]["rooms"]


async def test_who_goes_in_the_midst_of_a_command_leaves_nothing_behind(
    process: Process, alice: User, gate: Gate
) -> None:
    socket = await Socket(alice).greeted()
    socket.ask("test.note", {"number": 1})
    await until(gate.reached.is_set)
    leaving = asyncio.create_task(socket.leave())
    gate.go.set()
    await leaving
    assert (process.hub._rooms, process.hub._users) == ({}, {})
    assert set(process.hub._subscribed) == set(process.hub._lingering)


async def test_a_session_holds_no_timer_after_its_end(process: Process, alice: User) -> None:
    socket = await Socket(alice).greeted()
    (session,) = process.hub.sessions
    await socket.leave()
    assert session._expiry._timers == []


# -- tokens ----------------------------------------------------------------------------------------------------------


async def test_another_token_of_the_same_person_goes_on_and_of_another_does_not(
    process: Process, alice: User, bob: User
) -> None:
    socket = await Socket(alice).greeted()
    assert "expiresAt" in (await socket.call("auth", {"token": access_token(alice)}))["data"]
    refused = await socket.call("auth", {"token": access_token(bob)})
    assert refused["error"]["code"] == "AUTH_FAILED"
    assert (await socket.call("rooms.list"))["data"]["rooms"] == ["global:all", f"user:{alice.pk}"]


async def test_who_is_revoked_while_the_connection_begins_is_told_why(
    process: Process, alice: User, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def automatic(user: Any) -> list[LabRoom]:
        gate.pass_()
        return []

    monkeypatch.setattr(LabRoom, "automatic", automatic)
    socket = Socket(alice).open()
    await until(gate.reached.is_set)
    await database.run(publish, Disconnect(alice.pk))
    await until(lambda: any(session.sink.is_closed for session in process.hub.sessions))
    gate.go.set()
    assert await socket.ended() == 4401
    assert [frame["data"]["code"] for frame in socket.frames] == ["AUTH_FAILED"]


async def test_the_sender_of_a_revocation_over_the_socket_is_closed_too(process: Process, alice: User) -> None:
    socket = await Socket(alice).greeted()
    socket.ask("lab.kick")
    assert await socket.ended() == 4401


# -- defects ------------------------------------------------------------------------------------------


async def test_what_a_cut_reader_said_is_heard_by_the_others_at_once(
    process: Process, alice: User, bob: User, gate: Gate, change: Callable[..., None]
) -> None:
    change(SEND_BUFFER=3000, RELAY_GRACE=3600)  # no relay will tell it instead
    slow, listener = await Socket(alice).greeted(), await Socket(bob).greeted()
    await listener.call("rooms.subscribe", {"room": "lab:notes"})
    slow.ask("test.note", {"number": 7})
    await until(gate.reached.is_set)
    slow.reads.clear()
    for number in range(50):
        await database.run(publish, Push(UserRoom(alice.pk), Noted(number=number)))
    await until(lambda: any(session.sink.is_closed for session in process.hub.sessions))
    gate.go.set()
    await until(lambda: [event["number"] for event in listener.events("lab.noted")] == [7])


async def test_no_command_joins_more_rooms_than_a_connection_may_have(
    process: Process, alice: User, change: Callable[..., None]
) -> None:
    change(MAX_ROOMS=3)
    socket = await Socket(alice).greeted()
    reply = await socket.call("test.join", {"number": 10})
    assert reply["error"]["code"] == "TOO_MANY_ROOMS"


async def test_a_first_auth_that_fails_is_answered_under_its_id(process: Process) -> None:
    socket = Socket().open()
    socket.ask("auth", {"token": "nonsense"}, id=1)
    assert await socket.ended() == 4401
    assert [frame.get("id") for frame in socket.frames if frame["event"] == "reply"] == [1]


async def test_a_client_that_goes_before_it_is_accepted_leaves_no_task(process: Process, alice: User) -> None:
    socket = Socket(alice)
    socket.is_broken = True
    with pytest.raises(ConnectionResetError):
        await socket.open().ended()
    left = [task for task in asyncio.all_tasks() if task.get_name() == "outbound"]
    for task in left:
        task.cancel()
    assert left == []


async def test_who_comes_is_told_what_is_going_on_before_what_is_told_since(
    process: Process, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    await Socket(bob).greeted()  # the process listens to what is for all

    def going_on(user_id: str) -> Iterator[Event]:
        publish(Push(UserRoom(user_id), Noted(number=2)))
        yield Noted(number=1)

    monkeypatch.setattr("realtime.signals.connect_listeners", {"going on": going_on})
    socket = await Socket(alice).greeted()
    await until(lambda: len(socket.frames) >= 3)
    assert [frame["event"] for frame in socket.frames] == ["connected", "lab.noted", "lab.noted"]
    assert [frame["data"].get("number") for frame in socket.frames] == [None, 1, 2]
    back = Socket(alice, query_string=f"resume={socket.frames[0]['data']['offset']}".encode())
    await (await back.greeted()).call("ping")
    assert [event["number"] for event in back.events("lab.noted")] == [2]
