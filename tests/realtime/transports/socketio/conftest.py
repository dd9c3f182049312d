"""Clients, and the assertion that nothing of them is left."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
from pytest_django import Settings

from realtime.process import Process
from realtime.transports.socketio.app import socketio_app
from tests.lab.commands import gates
from tests.realtime.transports.socketio.clients import JAVASCRIPT, Client
from tests.realtime.waiting import until

Open = Callable[..., Awaitable[Client]]
Configure = Callable[..., None]


@pytest.fixture
def configure(settings: Settings) -> Configure:
    """`configure(inbox=1)`: settings of the core for this test."""

    def change(**values: Any) -> None:
        settings.REALTIME = {**settings.REALTIME, **{name.upper(): value for name, value in values.items()}}

    return change


@pytest.fixture
def gate() -> Iterator[asyncio.Event]:
    """What `hold` waits for at number 1."""
    gates[1] = asyncio.Event()
    yield gates[1]
    del gates[1]


def socket_tasks() -> list[str]:
    """The tasks of the transport that are not done."""
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name() in {"socket", "engine.io"}]


def instances(*kinds: type) -> list[Any]:
    """All in memory. Not by `gc.get_objects`: who holds a tuple that another thread is making breaks it."""
    gc.collect()
    return [thing for thing in gc.get_referrers(*kinds) if isinstance(thing, kinds)]


async def nothing_is_left(process: Process) -> None:
    """Return when no session, connection or task is there."""
    await until(lambda: not socket_tasks() and not process.hub.sessions and not process.connections)
    assert not socketio_app.sessions


@pytest_asyncio.fixture
async def open_client(process: Process, configure: Configure, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Open]:
    """`await open_client()`: a client whose Engine.IO is open. At the end nothing is left, and no error logged."""
    configure(refusal_delay=0, offline_grace=0)
    caplog.set_level(logging.INFO, logger="realtime")
    socketio_app._sessions.clear()  # of pollers whose server, with its event loop, has ended in another test
    clients: list[Client] = []

    async def open_one(query: str = JAVASCRIPT, **more: Any) -> Client:
        client = Client(query, **more)
        clients.append(client)
        return await client.opened()

    yield open_one
    for client in clients:
        client.reads.set()
        if not client.task.done():
            await client.leave()
    await nothing_is_left(process)
    errors = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert errors == []
