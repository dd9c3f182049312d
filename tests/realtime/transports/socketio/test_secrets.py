"""A token is nowhere once it has been checked: in no object of the server, and in no line of its log."""

import gc
import logging
from collections.abc import Iterable
from types import FunctionType, ModuleType
from typing import Any

import pytest

from accounts.models import User
from accounts.tokens import access_token
from realtime.process import Process
from realtime.transports.socketio.app import socketio_app
from realtime.transports.socketio.client import Client as ServersClient
from tests.integration.test_sessions import token_for
from tests.realtime.transports.socketio import clients
from tests.realtime.transports.socketio.clients import JAVASCRIPT
from tests.realtime.transports.socketio.conftest import Open, instances

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

OPAQUE = (ModuleType, type, FunctionType, clients.Client, logging.Logger)


def reachable(*roots: Any) -> Iterable[Any]:
    """All objects that can be come to from these, local variables of suspended coroutines included."""
    seen, rest = set[int](), list(roots)
    while rest:
        thing = rest.pop()
        if id(thing) not in seen and not isinstance(thing, OPAQUE):
            seen.add(id(thing))
            yield thing
            rest.extend(gc.get_referents(thing))


def holders(token: str, process: Process) -> list[str]:
    """What refers to the token's text, whole or as a part of another one."""
    roots = instances(ServersClient)
    assert roots
    raw = token.encode()
    return [
        f"{type(thing).__name__} {str(thing)[:200]}"
        for thing in reachable(*roots, process, socketio_app)
        for inner in gc.get_referents(thing)
        if (isinstance(inner, str) and token in inner) or (isinstance(inner, bytes | bytearray) and raw in inner)
    ]


async def test_the_search_would_find_one(open_client: Open, process: Process) -> None:
    client = await open_client()
    await client.enter("/lab")
    await client.expect("hello")
    (session,) = process.hub.sessions
    session.sink.secret = "a secret" * 3  # type: ignore[attr-defined]
    assert holders("a secret", process)


@pytest.mark.parametrize("is_good", [True, False])
async def test_the_token_of_connect_is_kept_nowhere(
    open_client: Open, alice: User, process: Process, caplog: pytest.LogCaptureFixture, is_good: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    client = await open_client()
    token = access_token(alice) if is_good else token_for(alice, -5)
    client.ask_in("/lab", {"token": token})
    client.ask_in("/ws", {"token": token})
    await client.until(lambda: len({p.namespace for p in client.packets}) == 2)
    client.say("3")  # the server's reader holds on to the last message until the next one comes
    await client.enter("/polite")
    await client.expect("hello", "/polite")
    assert holders(token, process) == []
    assert token not in caplog.text


async def test_the_token_of_auth_is_kept_nowhere(
    open_client: Open, alice: User, process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = await open_client()
    await client.enter("/band")
    token = access_token(alice)
    client.emit("/band", "auth", token)
    await client.expect("hello")
    renewed = token_for(alice, 1000)
    await client.call("/band", "auth", {"token": renewed})
    expired = token_for(alice, -5)
    await client.call("/band", "auth", expired)
    client.say("3")
    await client.enter("/polite")
    for one in (token, renewed, expired):
        assert holders(one, process) == []
        assert one not in caplog.text


@pytest.mark.parametrize("is_good", [True, False])
@pytest.mark.parametrize("scheme", ["Bearer ", ""])
async def test_the_token_of_the_header_is_kept_nowhere(
    open_client: Open, alice: User, process: Process, caplog: pytest.LogCaptureFixture, is_good: bool, scheme: str
) -> None:
    caplog.set_level(logging.DEBUG)
    token = access_token(alice) if is_good else token_for(alice, -5)
    client = await open_client(headers=[(b"authorization", (scheme + token).encode())])
    client.ask_in("/query")
    client.ask_in("/locked")
    await client.until(lambda: len({p.namespace for p in client.packets}) == 2)
    await client.enter("/lab")
    await client.expect("hello", "/lab")
    assert holders(token, process) == []
    assert token not in caplog.text
    assert token not in str(client.scope)


@pytest.mark.parametrize("is_good", [True, False])
async def test_the_token_of_the_query_is_kept_nowhere(
    open_client: Open, alice: User, process: Process, caplog: pytest.LogCaptureFixture, is_good: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    token = access_token(alice) if is_good else token_for(alice, -5)
    client = await open_client(f"{JAVASCRIPT}&token={token}")
    client.ask_in("/query")
    await client.until(lambda: bool(client.packets))
    await client.enter("/lab")
    await client.expect("hello", "/lab")
    assert holders(token, process) == []
    assert token not in caplog.text


async def test_the_last_message_is_not_kept_until_the_next_one(
    open_client: Open, alice: User, process: Process
) -> None:
    client = await open_client()
    token = access_token(alice)
    await client.enter("/lab", {"token": token})
    await client.expect("hello")
    assert holders(token, process) == []
