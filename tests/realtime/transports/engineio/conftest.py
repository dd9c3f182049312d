"""An engine without a network, and one on real servers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
from pytest_django import Settings

from tests.realtime.transports.engineio.servers import Client, EngineServer
from tests.realtime.transports.engineio.wires import Engine
from tests.realtime.waiting import soon


@pytest.fixture
def configure(settings: Settings) -> Callable[..., None]:
    """`configure(max_payload=100)`: settings of the core for this test."""

    def change(**values: Any) -> None:
        settings.REALTIME = {**settings.REALTIME, **{name.upper(): value for name, value in values.items()}}

    return change


@pytest_asyncio.fixture
async def engine(configure: Callable[..., None]) -> AsyncIterator[Engine]:
    """An engine; at the end nothing of it is left."""
    configure(refusal_delay=0, poll_release=0.001)
    engine = Engine()
    yield engine
    for session in list(engine.app.sessions.values()):
        session.abort("forced close")
    for task in engine.tasks:
        task.cancel()
    if engine.tasks:
        await soon(asyncio.wait(engine.tasks))
    assert all(len(layer.ends) == 1 for layer in engine.layers), "an end is told once"
    assert asyncio.all_tasks() == {asyncio.current_task()}, "nothing is pending"


# -- real servers -----------------------------------------------------------------------------------


@pytest.fixture(scope="package", params=["ours", "uvicorn", "daphne"])
def process(request: pytest.FixtureRequest) -> Iterator[EngineServer]:
    server = EngineServer(request.param).start()
    yield server
    server.stop()
    assert server.complaints() == []


@pytest.fixture
def server(process: EngineServer) -> Iterator[EngineServer]:
    """A server with the default settings at first."""
    yield process
    process.configure()


@pytest_asyncio.fixture
async def client(server: EngineServer) -> AsyncIterator[Client]:
    async with Client(server) as client:
        yield client
