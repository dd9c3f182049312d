"""What the protocol's own suite expects of a server, on a door of the tests at `/` and at `/custom`.

The suite wants to be told the payload of its CONNECT. Here that is a secret which nobody keeps, so the
door of these tests notes it while it is examined.
"""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

import pytest

from realtime.auth import NOBODY
from realtime.sessions import Session
from realtime.transports.socketio import socket
from realtime.transports.socketio.entering import Entrant
from realtime.vocabulary import Door, Profile, doors
from tests.lab.doors import ASKS, TELLS
from tests.realtime.transports.socketio.clients import PYTHON, Client
from tests.realtime.transports.socketio.conftest import Open

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("suite")]

payload: ContextVar[Any] = ContextVar("payload")
HOLES = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'
BLOBS = (b"\1\2\3", b"\4\5\6")


def told_back(session: Session) -> tuple[str, Sequence[Any]]:
    return "auth", [payload.get()]


SUITE = Profile("suite", ASKS, TELLS, lambda user: [], told_back)


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch) -> None:
    async def examine(door: Door, auth: Any, *_: object) -> Entrant:
        payload.set(auth)
        return Entrant(door.profile, NOBODY)

    monkeypatch.setattr(socket, "examine", examine)
    for namespace in ("/", "/custom"):
        monkeypatch.setitem(doors, namespace, Door(namespace=namespace, profile=SUITE, anonymous=SUITE))


async def connected(open_client: Open) -> Client:
    client = await open_client(PYTHON)
    client.say("40")
    await client.expect("auth")
    client.raw.clear()
    return client


@pytest.mark.parametrize(
    ("text", "namespace", "auth"),
    [
        ("40", "", "{}"),
        ('40{"token":"123"}', "", '{"token":"123"}'),
        ("40/custom,", "/custom,", "{}"),
        ('40/custom,{"token":"abc"}', "/custom,", '{"token":"abc"}'),
    ],
)
async def test_connecting_is_answered_and_its_payload_told(
    open_client: Open, text: str, namespace: str, auth: str
) -> None:
    client = await open_client(PYTHON)
    client.say(text)
    await client.expect("auth")
    answer, event = client.raw
    assert str(answer).startswith(f'40{namespace}{{"sid":"')
    assert client.packets[0].data.keys() == {"sid"}
    assert event == f'42{namespace}["auth",{auth}]'


async def test_an_unknown_namespace_is_disallowed(open_client: Open) -> None:
    client = await open_client(PYTHON)
    client.say("40/random")
    await client.until(lambda: bool(client.raw))
    assert client.raw == ['44/random,{"message":"Invalid namespace"}']


@pytest.mark.parametrize("text", ["4abc"])
async def test_an_invalid_handshake_is_disallowed(open_client: Open, text: str) -> None:
    client = await open_client(PYTHON)
    client.say(text)
    await client.ended()


async def test_leaving_the_main_namespace_keeps_the_transport(open_client: Open) -> None:
    client = await connected(open_client)
    client.say("41", "40/custom")
    await client.expect("auth", "/custom")
    assert 1 not in client.kinds()


async def test_leaving_a_namespace_keeps_the_main_one(open_client: Open) -> None:
    client = await connected(open_client)
    client.say("40/custom")
    await client.expect("auth", "/custom")
    client.raw.clear()
    client.say("41/custom", '42["message","message to main namespace"]')
    await client.expect("message-back")
    assert client.raw == ['42["message-back","message to main namespace"]']


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (('42["message",1,"2",{"3":[true]}]',), ('42["message-back",1,"2",{"3":[true]}]',)),
        ((f'452-["message",{HOLES}]', *BLOBS), (f'452-["message-back",{HOLES}]', *BLOBS)),
        (('42456["message-with-ack",1,"2",{"3":[false]}]',), ('43456[1,"2",{"3":[false]}]',)),
        ((f'452-789["message-with-ack",{HOLES}]', *BLOBS), (f"462-789[{HOLES}]", *BLOBS)),
    ],
)
async def test_messages_come_back(open_client: Open, sent: tuple[Any, ...], answer: tuple[Any, ...]) -> None:
    client = await connected(open_client)
    client.say(*sent)
    await client.until(lambda: len(client.raw) == len(answer))
    assert tuple(client.raw) == answer


@pytest.mark.parametrize("text", ["4abc", "42{}", '42abc["message-with-ack",1,"2",{"3":[false]}]'])
async def test_an_invalid_format_closes(open_client: Open, text: str) -> None:
    client = await connected(open_client)
    client.say(text)
    await client.ended()
    assert client.raw == []
