"""A lost connection on the plain wire, and the one that goes on with its session."""

import asyncio
import random
from typing import Any

import pytest

from accounts.models import User
from accounts.services import log_out_everywhere
from accounts.tokens import access_token
from chat import services
from chat.events import MessageNew
from chat.models import Conversation
from chat.rooms import ConversationRoom
from realtime import database
from realtime.process import Process
from realtime.publishing import Admit, Evict, Push, publish
from realtime.rooms import UserRoom
from realtime.testing import Marker
from tests.lab.events import Gauge, Noted, Tick
from tests.lab.rooms import LabRoom
from tests.realtime.sockets import Socket
from tests.realtime.waiting import until

pytestmark = pytest.mark.asyncio

NOTES = LabRoom("notes")


async def tell(*intents: Any) -> None:
    """Publish, as a service would."""
    await database.run(publish, *intents)


async def note(*numbers: int, **more: Any) -> None:
    for number in numbers:
        await tell(Push(NOTES, Noted(number=number), **more))


async def listening(user: User) -> Socket:
    """Greeted, and in the room."""
    socket = await Socket(user).greeted()
    assert (await socket.call("rooms.subscribe", {"room": NOTES.address}))["ok"]
    return socket


async def settled(socket: Socket, number: int = 999) -> None:
    """All that was told before has come."""
    assert socket.user is not None
    await tell(Push(UserRoom(socket.user.pk), Marker(number=number)))
    await until(lambda: {"number": number} in socket.events("test.marker"))


def offset_of(socket: Socket) -> str:
    """Where the client stands: the last offset that it got."""
    return next(
        str(frame.get("offset") or frame["data"]["offset"])
        for frame in reversed(socket.frames)
        if "offset" in frame or frame["event"] == "connected"
    )


def back(lost: Socket, user: User | None = None, *, offset: str = "", connection: str = "", **more: Any) -> Socket:
    """The client again, as `client.js` does it."""
    connection = connection or lost.events("connected")[0]["connectionId"]
    query = f"resume={offset or offset_of(lost)}&connection={connection}".encode()
    return Socket(user or lost.user, query_string=query, **more)


def numbers(socket: Socket) -> list[int]:
    return [event["number"] for event in socket.events("lab.noted")]


async def test_what_was_told_meanwhile_comes_after_the_greeting_once_and_in_order(
    process: Process, alice: User
) -> None:
    lost = await listening(alice)
    await note(1, 2)
    await settled(lost)
    await lost.leave()
    await note(3, 4)
    found = await back(lost).greeted()
    await note(5)
    await settled(found)
    greeting = found.events("connected")[0]
    assert greeting["recovered"] is True
    assert set(greeting["rooms"]) == {*lost.events("connected")[0]["rooms"], NOTES.address}
    assert [frame["event"] for frame in found.frames[:3]] == ["connected", "lab.noted", "lab.noted"]
    assert (numbers(lost), numbers(found)) == ([1, 2], [3, 4, 5])


async def test_a_client_that_is_cut_again_before_it_got_anything_asks_for_the_same(
    process: Process, alice: User
) -> None:
    lost = await listening(alice)
    await settled(lost)
    await lost.leave()
    await note(1, 2)
    again = await back(lost).greeted()
    assert again.events("connected")[0]["offset"] == offset_of(lost)
    await again.leave()
    found = await back(again, offset=again.events("connected")[0]["offset"]).greeted()
    await settled(found)
    assert numbers(found) == [1, 2]
    twice = await back(lost).greeted()  # the greeting was lost, too
    await settled(twice)
    assert numbers(twice) == [1, 2]


async def test_a_connection_that_only_seems_to_live_ends_when_its_session_is_resumed(
    process: Process, alice: User
) -> None:
    lost = await listening(alice)
    await note(1)
    await settled(lost)
    found = await back(lost).greeted()
    assert await lost.ended() == 1001
    await note(2)
    await settled(found)
    assert (numbers(lost), numbers(found)) == ([1], [2])


async def test_the_auth_frame_can_resume_as_well(process: Process, alice: User) -> None:
    lost = await listening(alice)
    await settled(lost)
    await lost.leave()
    await note(1)
    found = Socket(None).open()
    connection = lost.events("connected")[0]["connectionId"]
    auth = {"token": access_token(alice), "resume": offset_of(lost), "connection": connection}
    assert (await found.call("auth", auth))["ok"]
    found.user = alice
    assert (await found.expect("connected"))["recovered"] is True
    await settled(found)
    assert numbers(found) == [1]


async def test_without_the_connection_the_automatic_rooms_are_made_up_for(process: Process, alice: User) -> None:
    lost = await listening(alice)
    await settled(lost)
    await lost.leave()
    await note(1)
    await tell(Push(UserRoom(alice.pk), Noted(number=2)))
    found = await Socket(alice, query_string=f"resume={offset_of(lost)}".encode()).greeted()
    await settled(found)
    assert found.events("connected")[0]["recovered"] is True
    assert NOTES.address not in found.events("connected")[0]["rooms"]
    assert numbers(found) == [2]


@pytest.mark.parametrize("offset", ["", "nonsense", "00000000-1", "é"])
async def test_with_a_bad_offset_all_begins_anew(process: Process, alice: User, offset: str) -> None:
    lost = await listening(alice)
    await note(1)
    await settled(lost)
    await lost.leave()
    await note(2)
    found = await back(lost, offset=offset or "0").greeted()
    await settled(found)
    assert found.events("connected")[0]["recovered"] is False
    assert NOTES.address not in found.events("connected")[0]["rooms"]
    assert numbers(found) == []


async def test_nobody_resumes_the_session_of_somebody_else(process: Process, alice: User, bob: User) -> None:
    lost = await listening(alice)
    await settled(lost)
    await tell(Push(UserRoom(alice.pk), Noted(number=1)))
    await settled(lost, 1)
    thief = await back(lost, bob).greeted()
    assert thief.events("connected")[0]["recovered"] is False
    await settled(thief)
    assert numbers(thief) == []
    assert not lost.has_ended
    assert (await lost.call("ping"))["ok"]


async def test_who_was_put_out_meanwhile_is_and_who_was_let_in_is_in(process: Process, alice: User) -> None:
    lost = await listening(alice)
    await settled(lost)
    await lost.leave()
    more = LabRoom("more")
    await note(1)
    await tell(Evict(alice.pk, NOTES), Admit(alice.pk, more))
    await note(2)
    await tell(Push(more, Noted(number=3)))
    found = await back(lost).greeted()
    await note(4)
    await tell(Push(more, Noted(number=5)))
    await settled(found)
    assert numbers(found) == [1, 3, 5]
    rooms = found.events("connected")[0]["rooms"]
    assert (NOTES.address in rooms, more.address in rooms) == (False, True)


async def test_an_admission_while_away_counts_though_nobody_was_in_the_room(
    process: Process, alice: User, bob: User
) -> None:
    lost = await Socket(alice).greeted()
    await settled(lost)
    await lost.leave()
    conversation = await database.run(_talk, bob, alice)
    found = await back(lost).greeted()
    await settled(found)
    assert found.events("connected")[0]["recovered"] is True
    assert [event["text"] for event in found.events("message.new")] == ["hello"]
    assert found.events("conversation.created")[0]["id"] == str(conversation.pk)


def _talk(speaker: User, other: User) -> Conversation:
    conversation = services.create_conversation(creator_id=speaker.pk, kind="direct", title="", members=[other.pk])
    services.send_message(sender_id=speaker.pk, conversation_id=conversation.pk, text="hello")
    return conversation


async def test_what_a_block_kept_away_is_kept_away_afterwards(process: Process, alice: User, bob: User) -> None:
    conversation = await database.run(_talk, bob, alice)
    lost = await Socket(alice).greeted()
    await settled(lost)
    await lost.leave()
    event = MessageNew(id="1", conversation_id=str(conversation.pk), sender_id="2", text="", position=2, created_at="")
    await tell(Push(ConversationRoom(conversation.pk), event, exclude=[str(alice.pk)]))
    found = await back(lost).greeted()
    await settled(found)
    assert found.events("connected")[0]["recovered"] is True
    assert found.events("message.new") == []


async def test_droppable_events_do_not_come_again_and_of_latest_ones_the_last_does(
    process: Process, alice: User
) -> None:
    lost = await listening(alice)
    await settled(lost)
    await lost.leave()
    for value in (1, 2):
        await tell(Push(NOTES, Tick(number=value)), Push(NOTES, Gauge(name="x", value=value)))
    found = await back(lost).greeted()
    await settled(found)
    assert found.events("lab.tick") == []
    assert found.events("lab.gauge") == [{"name": "x", "value": 2}]


async def test_after_a_log_out_everywhere_there_is_nothing_to_resume(process: Process, alice: User) -> None:
    lost = await listening(alice)
    await settled(lost)
    await lost.leave()
    await note(1)
    await database.run(lambda: log_out_everywhere(user_id=alice.pk))
    await database.run(alice.refresh_from_db)
    found = await back(lost).greeted()
    await settled(found)
    assert found.events("connected")[0]["recovered"] is False
    assert numbers(found) == []


async def test_more_than_half_a_buffer_is_not_made_up_for(process: Process, alice: User, settings: Any) -> None:
    lost = await listening(alice)
    await settled(lost)
    await lost.leave()
    await note(*range(100))
    settings.REALTIME = {**settings.REALTIME, "SEND_BUFFER": 20_000}
    found = await back(lost).greeted()
    await settled(found)
    assert found.events("connected")[0]["recovered"] is False
    assert numbers(found) == []


async def test_when_events_may_be_missing_nothing_is_resumed(process: Process, alice: User) -> None:
    lost = await listening(alice)
    await settled(lost)
    process.hub._gap()
    assert await lost.ended() == 1001
    found = await back(lost).greeted()
    await settled(found)
    assert found.events("connected")[0]["recovered"] is False
    await found.leave()
    await tell(Push(UserRoom(alice.pk), Noted(number=7)))
    again = await back(found).greeted()  # from then on all is well
    await settled(again)
    assert (again.events("connected")[0]["recovered"], numbers(again)) == (True, [7])


async def test_whatever_is_told_while_a_session_is_resumed_comes_once(process: Process, alice: User) -> None:
    lost = await listening(alice)
    await settled(lost)
    await lost.leave()
    telling = asyncio.create_task(note(*range(60)))
    heard: list[int] = []
    for _ in range(12):
        found = await back(lost).greeted()
        await settled(found)
        assert found.events("connected")[0]["recovered"] is True
        await found.leave()
        heard += numbers(found)
        lost = found
    await telling
    found = await back(lost).greeted()
    await settled(found)
    assert heard + numbers(found) == list(range(60))


async def test_many_cuts_at_random_lose_and_double_nothing(process: Process, alice: User) -> None:
    chance = random.Random(20)
    socket, heard = await listening(alice), []
    for number in range(120):
        await note(number)
        if chance.random() < 0.25:
            socket.is_broken = True  # what is on its way now is lost
            await note(1000 + number)
            got = socket
            socket = await back(got).greeted()
            assert socket.events("connected")[0]["recovered"] is True
            heard += numbers(got)
    await settled(socket)
    heard += numbers(socket)
    assert len(heard) == len(set(heard))
    assert [number for number in heard if number < 1000] == list(range(120))
