"""Defects that a reviewer found in Socket.IO, kept from coming back."""

import asyncio
from typing import Any

import pytest

from accounts.models import User
from accounts.tokens import access_token
from chat import services
from chat.models import Conversation, Message
from realtime import database
from realtime.codec import DIRECT
from realtime.codec import Push as Told
from realtime.log import Position
from realtime.log_memory import MemoryLog
from realtime.process import Process
from realtime.publishing import Push
from realtime.rooms import UserRoom
from realtime.transports.socketio.acks import UnansweredError
from tests.lab.events import Noted
from tests.realtime.sockets import Socket
from tests.realtime.test_recovery import settled, tell
from tests.realtime.transports.socketio.clients import Client
from tests.realtime.transports.socketio.conftest import Configure, Open
from tests.realtime.waiting import soon

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


async def all_is_told(witness: Socket, client: Client, namespace: str = "/") -> None:
    """What was told before has come to the client, and been answered."""
    await settled(witness)
    await client.call(namespace, "ping")


async def talk(speaker: User, other: User) -> Conversation:
    return await database.run(
        lambda: services.create_conversation(creator_id=speaker.pk, kind="direct", title="", members=[other.pk])
    )


async def say(speaker: User, conversation: Conversation, text: str = "hello") -> None:
    await database.run(lambda: services.send_message(sender_id=speaker.pk, conversation_id=conversation.pk, text=text))


async def in_band(open_client: Open, user: User, namespace: str = "/") -> tuple[Client, str]:
    """A client that said who it is after connecting, and the secret key of its session."""
    client = await open_client()
    pid = (await client.enter(namespace))["pid"]
    client.emit(namespace, "auth", access_token(user))
    await client.expect("auth-success")
    return client, pid


# -- what clients send -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "field"), [("sendMessage", "groupId"), ("send-message", "conversationId")])
async def test_a_huge_number_beside_half_an_emoji_is_an_invalid_payload(
    open_client: Open, alice: User, name: str, field: str
) -> None:
    client = await open_client()
    await client.enter("/", {"token": access_token(alice)})
    (answer,) = await client.call("/", name, {field: 10**30, "text": "\ud83d"})
    assert answer["code"] == "INVALID_PAYLOAD"


async def test_bytes_are_no_text(open_client: Open, alice: User, bob: User) -> None:
    conversation = await talk(alice, bob)
    client = await open_client()
    await client.enter("/", {"token": access_token(alice)})
    (answer,) = await client.call("/", "sendMessage", {"groupId": str(conversation.pk), "text": b"\x01\x02"})
    assert answer["code"] == "INVALID_PAYLOAD"
    assert await database.run(Message.objects.count) == 0


@pytest.mark.parametrize("field", ["room", "id"])
async def test_a_room_that_is_no_name_is_refused(open_client: Open, alice: User, field: str) -> None:
    client = await open_client()
    await client.enter("/", {"token": access_token(alice)})
    codes = set()
    for value in ([], [1], {}, {"a": 1}, 1, 1.5, 10**30, True, b"blob", "\ud83d", "\x00"):
        for kind in ("user", "market"):
            (answer,) = await client.call("/", "subscribe", {"room": kind, "id": "x", field: value})
            codes.add(answer["code"])
    assert codes <= {"INVALID_PAYLOAD", "FORBIDDEN"}


async def test_an_id_in_capitals_is_that_of_the_same_room(open_client: Open, alice: User, bob: User) -> None:
    conversation = await talk(alice, bob)
    client, _ = await in_band(open_client, alice)
    await client.call("/", "join-room", str(conversation.pk).upper())
    await say(bob, conversation)
    await client.expect("message-new")


# -- who hears what ----------------------------------------------------------------------------------------------


async def test_a_client_of_messenger_is_put_into_no_conversation(open_client: Open, alice: User, bob: User) -> None:
    witness = await Socket(bob).greeted()
    client, _ = await in_band(open_client, alice)
    await say(bob, await talk(bob, alice))
    await all_is_told(witness, client)
    assert client.events("message-new") == []
    await witness.leave()


async def test_nor_is_a_client_of_social(open_client: Open, process: Process, alice: User, bob: User) -> None:
    client = await open_client()
    await client.enter("/ws", {"token": access_token(alice)})
    await client.expect("connected")
    (session,) = process.hub.sessions
    witness = await Socket(bob).greeted()
    await talk(bob, alice)
    await settled(witness)
    assert [room for room in session.rooms if room.startswith("conversation")] == []
    await witness.leave()


# -- coming back -------------------------------------------------------------------------------------------------


async def test_who_brings_the_key_of_somebody_else_is_greeted_as_anybody(
    open_client: Open, alice: User, bob: User
) -> None:
    lost = await open_client()
    pid = (await lost.enter("/", {"token": access_token(alice)}))["pid"]
    await lost.call("/", "auth", access_token(alice))  # from now on it speaks messenger's words
    await lost.leave()
    client = await open_client()
    answer = await client.enter("/", {"token": access_token(bob), "pid": pid, "offset": "x-1"})
    assert answer["pid"] != pid
    greeting, _ = await client.expect("connected")
    assert greeting["userId"] == str(bob.pk)


@pytest.mark.parametrize("is_found", [True, False])
async def test_a_client_that_has_turned_is_greeted_when_it_comes_back(
    open_client: Open, alice: User, is_found: bool
) -> None:
    lost = await open_client()
    pid = (await lost.enter("/", {"token": access_token(alice)}))["pid"]
    offset = (await lost.expect("connected"))[-1]
    await lost.call("/", "auth", access_token(alice))
    await lost.leave()
    client = await open_client()
    auth = {"token": access_token(alice), "pid": pid, "offset": offset if is_found else "old-1"}
    assert ((await client.enter("/", auth))["pid"] == pid) is is_found
    await client.expect("connected")


async def test_the_key_alone_is_worth_nothing_with_a_bad_offset(
    open_client: Open, process: Process, alice: User
) -> None:
    lost, pid = await in_band(open_client, alice, "/band")
    await lost.leave()
    client = await open_client()
    assert (await client.enter("/band", {"pid": pid, "offset": "nonsense"}))["pid"] != pid
    (answer,) = await client.call("/band", "note", 1)
    assert answer["code"] == "NOT_AUTHENTICATED"
    assert client.events() == []
    assert process.hub.sessions == set()


async def test_sessions_of_nobody_are_not_kept(open_client: Open, process: Process) -> None:
    client = await open_client()
    await client.enter("/lab")
    await client.expect("hello")
    await client.leave()
    assert isinstance(process.log, MemoryLog)
    assert process.log._sessions._records == {}


async def test_no_offset_is_ahead_of_what_waits_for_the_greeting(
    open_client: Open, process: Process, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, started, gate = process.presence.connect, asyncio.Event(), asyncio.Event()

    async def connect_slowly(user: str, connection: str) -> None:
        started.set()
        await gate.wait()
        await connect(user, connection)

    witness = await Socket(bob).greeted()
    monkeypatch.setattr(process.presence, "connect", connect_slowly)
    client = await open_client()
    await client.enter("/band")
    client.emit("/band", "auth", access_token(alice))
    await soon(started.wait())
    await tell(Push(UserRoom(alice.pk), Noted(number=1)))
    await settled(witness)
    gate.set()
    await client.expect("noted")
    assert [event[0] for event in client.events()] == ["auth-success", "hello", "noted"]
    success, hello, noted = (Position.parse(event[-1]) for event in client.events())
    assert success is not None
    assert hello is not None
    assert noted is not None
    assert success.number <= hello.number < noted.number
    await witness.leave()


async def test_of_two_connections_that_resume_one_session_one_has_it(
    open_client: Open, process: Process, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = await open_client()
    token = access_token(alice)
    pid = (await lost.enter("/lab", {"token": token}))["pid"]
    auth = {"token": token, "pid": pid, "offset": (await lost.expect("hello"))[-1]}
    await lost.leave()
    missed, both, count = process.log.missed, asyncio.Event(), 0

    async def missed_slowly(*arguments: Any) -> Any:
        nonlocal count
        count += 1
        if count == 2:
            both.set()
        result = await missed(*arguments)
        await both.wait()
        return result

    monkeypatch.setattr(process.log, "missed", missed_slowly)
    clients = [await open_client(), await open_client()]
    for client in clients:
        client.ask_in("/lab", auth)
    ended = [asyncio.ensure_future(client.ended()) for client in clients]
    done, _ = await soon(asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED))
    assert [task.result() for task in done] == [1001]
    (winner,) = (client for client, task in zip(clients, ended, strict=True) if task not in done)
    await winner.expect("hello")
    assert [session.key for session in process.hub.sessions] == [pid]
    await winner.leave()
    await asyncio.gather(*ended)


async def test_a_question_after_the_end_is_not_waited_for(
    open_client: Open, process: Process, alice: User, configure: Configure
) -> None:
    configure(ack_timeout=3600)
    client = await open_client()
    await client.enter("/lab", {"token": access_token(alice)})
    await client.expect("hello")
    (session,) = process.hub.sessions
    await client.leave()
    with pytest.raises(UnansweredError):
        await soon(session.sink.ask(Told("lab.gauge", b'{"name":"x","value":1}', 0.0, "", DIRECT)))
