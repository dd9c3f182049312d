"""Tokens that are trusted no longer than is known, and clients who become somebody or speak otherwise meanwhile."""

import threading
from typing import Any
from uuid import uuid4

import pytest

from accounts.models import User
from accounts.services import log_out_everywhere
from accounts.tokens import access_token
from chat.rooms import ConversationRoom
from chat.services import create_conversation
from notifications.events import SystemAnnouncement
from realtime import database
from realtime.process import Process
from realtime.publishing import Push
from realtime.rooms import SystemRoom
from realtime.transports.socketio.codec import SocketIOCodec
from tests.lab.events import Noted
from tests.lab.rooms import LabRoom
from tests.realtime.test_recovery import tell
from tests.realtime.transports.socketio.clients import Client
from tests.realtime.transports.socketio.conftest import Open
from tests.realtime.waiting import until

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


async def with_header(open_client: Open, user: User) -> Client:
    """Connected by the token of the handshake, and out of the namespace again."""
    client = await open_client(headers=[(b"authorization", b"Bearer " + access_token(user).encode())])
    await client.enter("/")
    await client.until(lambda: bool(client.events()))
    client.say("41")
    return client


async def handled(witness: Client) -> None:
    """The process has handled all that was told before."""
    number = len(witness.events("noted"))
    await tell(Push(LabRoom("notes"), Noted(number=number)))
    await until(lambda: [number] in [event[:1] for event in witness.events("noted")])


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> "Slow":
    return Slow(monkeypatch)


class Slow:
    """Holds up who asks for the automatic rooms of somebody, once it is on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()
        self.is_on = False
        real = SocketIOCodec.automatic

        def automatic(codec: SocketIOCodec, user: Any) -> Any:
            found = list(real(codec, user))
            if user.is_authenticated and self.is_on:
                self.reached.set()
                self.opened.wait(10)
            return found

        monkeypatch.setattr(SocketIOCodec, "automatic", automatic)


# -- tokens -------------------------------------------------------------------------------------


async def test_a_token_of_the_handshake_does_not_outlive_a_gap(
    open_client: Open, process: Process, alice: User
) -> None:
    client, witness = await with_header(open_client, alice), await open_client()
    await witness.enter("/lab")
    await until(lambda: not any(session.user.is_authenticated for session in process.hub.sessions))
    await database.run(lambda: log_out_everywhere(user_id=alice.pk))
    await handled(witness)
    process.hub._revocations.clear()  # it came while the channel layer was away
    process.hub._gap()
    client.ask_in("/")
    assert await client.ended() == 1001
    assert len([event for event in client.events() if event[0] == "connected"]) == 1


async def test_a_token_of_the_handshake_does_not_outlive_the_memory_of_revocations(
    open_client: Open, process: Process, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.hub.REVOCATIONS", 1)
    client, witness = await with_header(open_client, alice), await open_client()
    await witness.enter("/lab")
    for user in (alice, bob):
        await database.run(lambda user=user: log_out_everywhere(user_id=user.pk))  # type: ignore[misc]
    await handled(witness)
    assert set(process.hub._revocations) == {str(bob.pk)}
    client.ask_in("/")
    assert await client.ended() == 1001


async def test_a_gap_sends_only_those_away_whose_token_was_checked_before(
    open_client: Open, process: Process, alice: User
) -> None:
    process.hub._gap()
    one = await open_client()
    pid = (await one.enter("/"))["pid"]
    one.emit("/", "auth", access_token(alice))
    await one.expect("auth-success")
    await one.leave()
    again = await open_client()
    assert (await again.enter("/", {"pid": pid}))["pid"] == pid
    await again.until(lambda: any(session.is_recovered for session in process.hub.sessions))
    anonymous = await open_client()
    await anonymous.enter("/realtime")
    await anonymous.expect("connection:success")
    assert again.close_code is None


# -- others meanwhile -----------------------------------------------------------------------------


async def test_who_becomes_somebody_hears_what_is_told_to_all_meanwhile(
    open_client: Open, alice: User, slow: Slow
) -> None:
    client, witness = await open_client(), await open_client()
    await client.enter("/realtime")
    await client.expect("connection:success")
    await witness.enter("/lab")
    slow.is_on = True
    client.emit("/realtime", "auth", access_token(alice))
    await until(slow.reached.is_set)
    await tell(Push(SystemRoom(), SystemAnnouncement(title="storm", message="m", level="info")))
    await handled(witness)
    slow.opened.set()
    await client.expect("system:announcement")
    assert [event[0] for event in client.events()].count("connection:success") == 2
    assert len(client.events("system:announcement")) == 1


async def test_who_becomes_somebody_keeps_only_the_rooms_of_somebody_and_those_asked_for(
    open_client: Open, process: Process, alice: User
) -> None:
    client = await open_client()
    await client.enter("/realtime")
    await client.expect("connection:success")
    (session,) = process.hub.sessions
    anonymous = set(session.rooms)
    client.emit("/realtime", "auth", access_token(alice))
    await client.expect("auth-success")
    assert process.hub.sessions == {session}
    assert session.user.id == str(alice.pk)
    assert set(session.rooms) == set(session.codec.automatic(session.user)) != anonymous


async def test_who_is_admitted_while_turning_is_in_the_rooms_of_the_new_vocabulary(
    open_client: Open, process: Process, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.run(lambda: create_conversation(creator_id=alice.pk, kind="group", title="", members=[bob.pk]))
    client, talk, leave = await open_client(), ConversationRoom(uuid4()), process.hub.leave
    await client.enter("/", {"token": access_token(alice)})
    await client.expect("connected")
    (session,) = process.hub.sessions
    assert session.codec.admits(talk.address)  # groups are, messenger is not

    async def leaving(session: Any, address: str) -> None:
        await leave(session, address)
        await session.admit(talk.address, process.log.number)

    monkeypatch.setattr(process.hub, "leave", leaving)
    client.emit("/", "auth", access_token(alice))
    await client.expect("auth-success")
    assert not session.codec.admits(talk.address)
    assert [address for address in session.rooms if address.startswith("conversation:")] == []


async def test_who_is_admitted_while_resuming_is_in_the_rooms_of_the_old_vocabulary(
    open_client: Open, process: Process, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = await open_client()
    pid = (await lost.enter("/", {"token": access_token(alice)}))["pid"]
    lost.emit("/", "auth", access_token(alice))  # from here on in the words of messenger
    await lost.expect("auth-success")
    await lost.leave()
    talk, join = ConversationRoom(uuid4()), process.hub.join

    async def joining(session: Any, address: str) -> int:
        number = await join(session, address)
        if address.startswith("user:"):
            await session.admit(talk.address, process.log.number)
        return number

    monkeypatch.setattr(process.hub, "join", joining)
    found = await open_client()
    assert (await found.enter("/", {"token": access_token(alice), "pid": pid}))["pid"] == pid
    (session,) = process.hub.sessions
    await until(lambda: session.is_recovered)
    assert talk.address not in session.rooms
