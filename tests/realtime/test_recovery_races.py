"""Defects that a reviewer found in coming back, kept from coming back themselves."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from pytest_django import Settings

from accounts.models import User
from accounts.services import log_out_everywhere
from chat import services
from chat.models import Conversation
from realtime import database, resuming
from realtime.auth import NOBODY
from realtime.codec import Codec
from realtime.couriers import message
from realtime.layer_memory import MemoryLayer
from realtime.log import Missed, Position, Record, Told
from realtime.log_memory import MemoryLog
from realtime.outbound import Backlog, Frame
from realtime.process import Process
from realtime.publications import Delivery, delivery
from realtime.publishing import Admit, Evict, Push
from realtime.resuming import Lost, Opening
from realtime.rooms import UserRoom, group
from realtime.transports.plain import PLAIN
from tests.lab.events import Gauge, Noted
from tests.lab.rooms import LabRoom
from tests.realtime.sockets import Socket
from tests.realtime.test_recovery import NOTES, back, listening, note, numbers, offset_of, settled, tell
from tests.realtime.waiting import soon, until
from tests.services import redis_url

pytestmark = pytest.mark.asyncio

Work = Callable[..., Awaitable[None]]


class Gate:
    """Holds up whoever does something with the subject of the test, until it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()

    def before(self, function: Work, subject: str, *, is_done: bool = False) -> Work:
        """The function, but not for the subject, its first argument; or done for it, and not returning."""

        async def held(*arguments: Any) -> None:
            if is_done:
                await function(*arguments)
            if arguments[0] == subject:
                self.reached.set()
                await self.opened.wait()
            if not is_done:
                await function(*arguments)

        return held


@pytest.fixture
def gate() -> Gate:
    return Gate()


async def let_go(process: Process, *addresses: str) -> None:
    """The window has passed for these rooms, or for all in which nobody is."""
    for address in addresses or list(process.hub._lingering):
        await process.hub._let_go(address)


def greeting(socket: Socket) -> dict[str, Any]:
    found: dict[str, Any] = socket.events("connected")[0]
    return found


def as_a_group(creator: User, *members: User) -> Conversation:
    ids = [member.pk for member in members]
    return services.create_conversation(creator_id=creator.pk, kind="group", title="", members=ids)


async def say(speaker: User, talk: Conversation, text: str) -> None:
    await database.run(lambda: services.send_message(sender_id=speaker.pk, conversation_id=talk.pk, text=text))


# -- membership that changes -------------------------------------------------------------------------------------


async def test_who_is_cut_twice_still_hears_what_was_told_before_an_eviction(process: Process, alice: User) -> None:
    lost = await listening(alice)
    await settled(lost)
    await lost.leave()
    await note(1)
    await tell(Evict(alice.pk, NOTES))
    first = await back(lost).greeted()
    await first.leave()
    again = await back(first, offset=offset_of(lost)).greeted()
    await settled(again)
    assert greeting(again)["recovered"] is True
    assert numbers(again) == [1]


async def test_who_does_not_listen_to_their_own_room_is_not_brought_back_after_an_eviction(
    process: Process, alice: User, bob: User
) -> None:
    lost, witness = await listening(alice), await Socket(bob).greeted()
    await settled(lost)
    own = UserRoom(alice.pk).address
    assert (await lost.call("rooms.unsubscribe", {"room": own}))["ok"]
    await let_go(process, own)
    await note(0)
    await until(lambda: numbers(lost) == [0])
    await lost.leave()
    await tell(Evict(alice.pk, NOTES))
    await note(1)
    found = await back(lost).greeted()
    await note(2)
    await settled(witness)
    assert (await found.call("ping"))["ok"]
    assert greeting(found)["recovered"] is False
    assert NOTES.address not in greeting(found)["rooms"]
    assert numbers(found) == []


async def test_an_offset_from_the_future_does_not_bring_back_who_was_put_out(
    process: Process, alice: User, bob: User, settings: Settings
) -> None:
    settings.REALTIME = {**settings.REALTIME, "RECOVERY_EVENTS": 5}
    lost = await listening(alice)
    await settled(lost)
    await lost.leave()
    await tell(Evict(alice.pk, NOTES))
    for number in range(6):  # the eviction is no longer among what is kept of her room
        await tell(Push(UserRoom(alice.pk), Noted(number=number)))
    spy = await Socket(bob).greeted()
    await settled(spy)
    found = await back(lost, offset=offset_of(spy)).greeted()
    await note(7)
    await settled(found)
    assert greeting(found)["recovered"] is False
    assert NOTES.address not in greeting(found)["rooms"]
    assert numbers(found) == []


async def test_an_admission_counts_though_the_session_changed_while_it_was_on_its_way(
    process: Process, alice: User, bob: User, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = LabRoom("new")
    monkeypatch.setattr(process.layer, "group_add", gate.before(process.layer.group_add, group(new.address)))
    lost, witness = await Socket(alice).greeted(), await Socket(bob).greeted()
    await settled(lost)
    await tell(Admit(alice.pk, new))
    await soon(gate.reached.wait())
    assert (await lost.call("rooms.subscribe", {"room": "lab:else"}))["ok"]
    await lost.leave()
    gate.opened.set()
    await settled(witness)
    found = await back(lost).greeted()
    assert greeting(found)["recovered"] is True
    assert new.address in greeting(found)["rooms"]


async def test_latest_values_from_before_an_admission_are_not_told(process: Process, alice: User, bob: User) -> None:
    lost, _ = await Socket(alice).greeted(), await listening(bob)
    await settled(lost)
    await lost.leave()
    await tell(Push(NOTES, Gauge(name="secret", value=1)))
    await tell(Admit(alice.pk, NOTES))
    await tell(Push(NOTES, Gauge(name="open", value=2)))
    found = await back(lost).greeted()
    await settled(found)
    assert found.events("lab.gauge") == [{"name": "open", "value": 2}]


async def test_nor_are_those_of_the_time_between_an_eviction_and_an_admission(process: Process, alice: User) -> None:
    lost = await listening(alice)
    await settled(lost)
    await lost.leave()
    await tell(Evict(alice.pk, NOTES))
    await tell(Push(NOTES, Gauge(name="x", value=1)))
    await tell(Admit(alice.pk, NOTES))
    found = await back(lost).greeted()
    await settled(found)
    assert greeting(found)["recovered"] is True
    assert found.events("lab.gauge") == []


async def test_without_a_connection_nothing_from_before_an_admission_is_told(
    process: Process, alice: User, bob: User, carol: User
) -> None:
    talk = await database.run(as_a_group, bob, carol)
    await Socket(bob).greeted()
    spy = await Socket(alice).greeted()
    await settled(spy)
    await spy.leave()
    await say(bob, talk, "private")
    await database.run(lambda: services.add_member(conversation_id=talk.pk, actor_id=bob.pk, user_id=alice.pk))
    await say(bob, talk, "for all")
    found = await Socket(alice, query_string=f"resume={offset_of(spy)}".encode()).greeted()
    await settled(found)
    assert greeting(found)["recovered"] is True
    assert [event["text"] for event in found.events("message.new")] == ["for all"]


# -- what is kept ------------------------------------------------------------------------------------------------


async def test_what_was_told_while_nobody_listened_is_not_passed_over(process: Process, alice: User, bob: User) -> None:
    witness, lost = await Socket(bob).greeted(), await Socket(alice).greeted()
    await settled(lost)
    await lost.leave()
    await let_go(process)
    await tell(Push(UserRoom(alice.pk), Noted(number=1)))
    await settled(witness)
    await Socket(alice).greeted()  # another device: the room is listened to again
    found = await Socket(alice, query_string=f"resume={offset_of(lost)}".encode()).greeted()
    assert greeting(found)["recovered"] is False


async def test_a_session_that_is_revoked_while_it_begins_is_not_kept(
    process: Process, alice: User, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = group(UserRoom(alice.pk).address)
    monkeypatch.setattr(process.layer, "group_add", gate.before(process.layer.group_add, own))
    socket = Socket(alice).open()
    await soon(gate.reached.wait())
    await database.run(lambda: log_out_everywhere(user_id=alice.pk))
    await until(lambda: str(alice.pk) in process.hub._revocations)
    gate.opened.set()
    await socket.ended()
    assert isinstance(process.log, MemoryLog)
    assert process.log._sessions._records == {}


async def test_a_beginning_that_is_cut_off_leaves_no_room_in_the_layer(
    process: Process, alice: User, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = group(UserRoom(alice.pk).address)
    monkeypatch.setattr(process.layer, "group_add", gate.before(process.layer.group_add, own, is_done=True))
    socket = Socket(alice).open()
    await soon(gate.reached.wait())
    assert own in groups_of(process)
    assert socket.task is not None
    socket.task.cancel()
    with suppress(asyncio.CancelledError):
        await soon(socket.task)
    await let_go(process)
    assert [name for name in groups_of(process) if name.startswith("room.")] == []


def groups_of(process: Process) -> list[str]:
    """Those that the layer knows."""
    assert isinstance(process.layer, MemoryLayer)
    return list(process.layer._groups)


# -- bounds ------------------------------------------------------------------------------------------------------


async def test_what_waits_for_the_greeting_has_a_limit(
    process: Process, alice: User, gate: Gate, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REALTIME = {**settings.REALTIME, "SEND_BUFFER": 10_000}
    monkeypatch.setattr(process.presence, "connect", gate.before(process.presence.connect, str(alice.pk)))
    socket = Socket(alice).open()
    await soon(gate.reached.wait())
    for number in range(100):
        await tell(Push(UserRoom(alice.pk), Noted(number=number)))
    (session,) = process.hub.sessions
    await until(lambda: session.sink.is_closed)
    gate.opened.set()
    assert await socket.ended() == 1001
    assert numbers(socket) == []


async def test_those_who_are_excluded_count_in_the_size_of_the_log(settings: Settings) -> None:
    settings.REALTIME = {**settings.REALTIME, "RECOVERY_BYTES": 100_000}
    log = MemoryLog()
    log.cover(NOTES.address, 0)
    made = delivery([NOTES], Noted(number=1), frozenset(str(number) for number in range(10_000)))
    assert made is not None
    log.append(made)
    assert log._size <= 100_000
    assert not log._entries


async def test_more_than_is_made_up_for_is_not_encoded(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.REALTIME = {**settings.REALTIME, "SEND_BUFFER": 10_000}
    made: list[Frame] = []

    def frame(codec: Codec, delivery: Delivery, offset: str) -> Frame:
        made.append(Frame.of("x" * 800))
        return made[-1]

    monkeypatch.setattr(resuming, "delivery_frame", frame)
    one = Delivery(event="lab.noted", rooms=(NOTES.address,), data=msgspec.Raw(b"{}"), policy="durable")
    missed = Missed(1000, [Told(number, one) for number in range(1000)], [])
    assert resuming.frames(MemoryLog(), PLAIN, missed) is None
    assert len(made) == 6


async def test_who_is_told_a_lot_before_the_greeting_comes_back_and_is_not_called_slow(
    process: Process, alice: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, witness = await listening(alice), await listening(alice)
    await settled(lost)
    await lost.leave()
    settings.REALTIME = {**settings.REALTIME, "SEND_BUFFER": 4000}
    await note(*range(7))
    connect = process.presence.connect

    async def connecting(user: str, connection: str) -> None:
        await note(*range(7, 14))
        await settled(witness)
        await connect(user, connection)

    monkeypatch.setattr(process.presence, "connect", connecting)
    found = back(lost).open()
    assert await found.ended() == 1001
    monkeypatch.undo()
    settings.REALTIME = {**settings.REALTIME, "SEND_BUFFER": 8000}
    again = await back(lost).greeted()
    await settled(again)
    assert numbers(again) == list(range(14))


async def test_a_replay_and_what_comes_meanwhile_leave_room_for_the_greeting(
    process: Process, alice: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REALTIME = {**settings.REALTIME, "SEND_BUFFER": 4000}
    log = process.log
    frame = Frame.of("x" * 300)
    opening = Opening(log)
    opening.resume(Lost(Record("", "plain", NOBODY, 0), Position("", 0)), Missed(0, [], []), [frame] * 3)
    while opening.hold(frame, log.number + 1, is_logged=True):
        pass
    waiting = Backlog(4000)
    assert all(waiting.add(one) for one in opening.frames(Frame.of("y" * 700), PLAIN))
    assert len(waiting) == 1 + 3 + 3


async def test_a_room_that_another_process_lets_in_to_is_heard_from_its_subscription_on(
    process: Process, alice: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    more, group_add = LabRoom("more"), process.layer.group_add
    told = delivery([more], Noted(number=1))
    assert told is not None
    lost, witness = await Socket(alice).greeted(), await listening(alice)
    await settled(lost)
    await lost.leave()
    settings.REALTIME = {**settings.REALTIME, "REDIS_URL": redis_url()}  # there are other processes

    async def late(name: str, channel: str) -> None:
        if name == group(more.address):  # another process tells there before Redis has subscribed this one
            await process.layer.group_send(name, message(told))
        await group_add(name, channel)

    monkeypatch.setattr(process.layer, "group_add", late)
    await tell(Admit(alice.pk, more))
    await settled(witness)
    found = await back(lost).greeted()
    assert greeting(found)["recovered"] is False


async def test_a_session_that_was_resumed_cannot_be_resumed_from_before_that(process: Process, alice: User) -> None:
    """Of the rooms that it left before nothing is known any more."""
    lost = await listening(alice)
    await settled(lost)
    early = offset_of(lost)
    await note(1)
    await until(lambda: numbers(lost) == [1])
    await lost.leave()
    found = await back(lost).greeted()
    assert greeting(found)["recovered"] is True
    await found.leave()
    again = await back(found, offset=early).greeted()
    assert greeting(again)["recovered"] is False
