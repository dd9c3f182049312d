"""A real server in the test's own loop, and clients that do as they like."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
import uvloop

from accounts.models import User
from realtime.process import Process
from realtime_project.asgi import application
from tests.hard_edges.raw import Raw
from tests.hard_edges.serving import Served
from tests.services import Redis

ON_BOTH_LOOPS = {"test_busy_loops.py", "test_connections.py", "test_reset.py", "test_writers.py"}


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Any]:
    """On uvloop too, where the loops differ: in what they write and when, and in the order of timers."""
    if item.path.name in ON_BOTH_LOOPS:
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture
def redis_server() -> Iterator[Redis]:
    """A Redis of the test's own."""
    with Redis() as server:
        yield server


@pytest_asyncio.fixture
async def process(transactional_db: None) -> AsyncIterator[Process]:
    """The server in this very loop."""
    started = await Process.started()
    yield started
    await started.stop()


@pytest_asyncio.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[Served]]]:
    """`await serve(app)`: a server that ends with the test."""
    running: list[Served] = []

    async def start(app: Any = application, **options: Any) -> Served:
        running.append(Served(app, **options))
        await running[-1].start()
        return running[-1]

    yield start
    for server in running:
        await server.stop()


@pytest_asyncio.fixture
async def dial() -> AsyncIterator[Callable[..., Awaitable[Raw]]]:
    """`await dial(served, user)`: a client that has gone when the test ends."""
    clients: list[Raw] = []

    async def connect(served: Served, user: User | None = None) -> Raw:
        clients.append(Raw(served.port))
        return await clients[-1].open(user)

    yield connect
    for client in clients:
        client.sock.close()
