"""Who is let in by what came too late does not stay."""

import pytest
from django.db import OperationalError

from accounts.models import User
from chat import services
from chat.rooms import ConversationRoom
from realtime import database
from realtime.auth import Identity
from realtime.process import Process
from realtime.publishing import Admit, Evict
from realtime.rooms import Room
from tests.lab.rooms import LabRoom, VaultRoom
from tests.realtime.sockets import Socket
from tests.realtime.test_recovery import NOTES, back, listening, settled, tell
from tests.realtime.test_recovery_races import as_a_group, greeting, say
from tests.realtime.waiting import until

pytestmark = pytest.mark.asyncio
VAULT = VaultRoom("1")


async def rooms(socket: Socket) -> list[str]:
    return list((await socket.call("rooms.list"))["data"]["rooms"])


async def looked_up(socket: Socket, process: Process) -> None:
    """Return when all that was told before has been looked up, and taken back if need be: this one is."""
    assert socket.user is not None
    last = VaultRoom("last")
    await tell(Admit(socket.user.pk, last))
    [session] = process.hub._of(str(socket.user.pk))
    await until(lambda: last.address not in session.rooms)
    await settled(socket)


async def test_who_is_let_in_stays_if_the_room_agrees(process: Process, alice: User) -> None:
    socket = await Socket(alice).greeted()
    await tell(Admit(alice.pk, NOTES), Admit(alice.pk, VAULT))
    await looked_up(socket, process)
    heard = await rooms(socket)
    assert NOTES.address in heard
    assert VAULT.address not in heard


async def test_who_was_removed_hears_nothing_though_an_admission_comes_late(
    process: Process, alice: User, bob: User, carol: User
) -> None:
    group = await database.run(as_a_group, alice, bob, carol)
    socket = await Socket(bob).greeted()
    await database.run(lambda: services.remove_member(conversation_id=group.pk, actor_id=alice.pk, user_id=bob.pk))
    await tell(Admit(bob.pk, ConversationRoom(group.pk)))
    await looked_up(socket, process)
    await say(alice, group, "without bob")
    await settled(socket)
    assert socket.events("message.new") == []


async def test_who_was_away_is_told_nothing_of_it_either(process: Process, alice: User, bob: User, carol: User) -> None:
    group = await database.run(as_a_group, alice, bob, carol)
    lost, witness = await Socket(bob).greeted(), await Socket(alice).greeted()
    await settled(lost)
    await lost.leave()
    await database.run(lambda: services.remove_member(conversation_id=group.pk, actor_id=alice.pk, user_id=bob.pk))
    await tell(Admit(bob.pk, ConversationRoom(group.pk)))
    await say(alice, group, "without bob")
    await settled(witness)
    found = await back(lost).greeted()
    await settled(found)
    assert greeting(found)["recovered"] is False
    assert ConversationRoom(group.pk).address not in greeting(found)["rooms"]
    assert found.events("message.new") == []


async def test_who_was_let_in_again_hears_all_though_an_eviction_comes_late(
    process: Process, alice: User, bob: User, carol: User
) -> None:
    group = await database.run(as_a_group, alice, bob, carol)
    room = ConversationRoom(group.pk)
    socket = await Socket(bob).greeted()
    await tell(Evict(bob.pk, room))
    await looked_up(socket, process)
    await say(alice, group, "with bob")
    assert (await socket.expect("message.new"))["text"] == "with bob"


async def test_who_was_away_meanwhile_loads_the_state(process: Process, alice: User, bob: User, carol: User) -> None:
    group = await database.run(as_a_group, alice, bob, carol)
    room = ConversationRoom(group.pk)
    lost, witness = await Socket(bob).greeted(), await Socket(alice).greeted()
    await settled(lost)
    await lost.leave()
    await tell(Evict(bob.pk, room))
    await settled(witness)
    found = await back(lost).greeted()
    assert greeting(found)["recovered"] is False
    assert room.address in greeting(found)["rooms"]


async def test_who_is_put_out_of_a_room_that_one_asks_for_stays_out(process: Process, alice: User) -> None:
    socket = await listening(alice)
    await tell(Evict(alice.pk, NOTES))
    await looked_up(socket, process)
    assert NOTES.address not in await rooms(socket)


async def test_a_room_whose_answer_is_an_error_lets_nobody_in(
    process: Process, alice: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(room: Room, user: Identity) -> bool:
        raise LookupError(room.address)

    monkeypatch.setattr(LabRoom, "allows", fail)
    socket = await Socket(alice).greeted()
    await tell(Admit(alice.pk, NOTES))
    await looked_up(socket, process)
    assert NOTES.address not in await rooms(socket)
    assert "denied" in caplog.text


async def test_without_the_database_it_is_tried_again(
    process: Process, alice: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers = iter([OperationalError("away"), True])

    def answer(room: Room, user: Identity) -> bool:
        if isinstance(found := next(answers), Exception):
            raise found
        return bool(found)

    monkeypatch.setattr(LabRoom, "allows", answer)
    socket = await Socket(alice).greeted()
    await tell(Admit(alice.pk, NOTES), Admit(alice.pk, VAULT))
    await looked_up(socket, process)
    heard = await rooms(socket)
    assert NOTES.address in heard
    assert VAULT.address not in heard
    assert next(answers, None) is None
    assert "trying again" in caplog.text
