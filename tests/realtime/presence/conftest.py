"""Processes in memory and on Redis, and who is told of what."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio
import redis
from pytest_django import Settings

from realtime.presence import Announcer, Presence
from realtime.presence_memory import MemoryPresence
from realtime.presence_redis import RedisPresence
from realtime.signals import Pushes
from tests.realtime.presence.processes import Process
from tests.services import redis_url

GRACE, LEASE = 0.1, 0.6


@pytest.fixture(autouse=True)
def short(settings: Settings) -> None:
    settings.REALTIME = {**settings.REALTIME, "OFFLINE_GRACE": GRACE, "PRESENCE_LEASE": LEASE}


@pytest.fixture
def grace(settings: Settings, short: None) -> Callable[[float], None]:
    """`grace(seconds)` for who goes from here on."""

    def give(seconds: float) -> None:
        settings.REALTIME = {**settings.REALTIME, "OFFLINE_GRACE": seconds}

    return give


@pytest.fixture
def no_grace(settings: Settings, short: None) -> None:
    settings.REALTIME = {**settings.REALTIME, "OFFLINE_GRACE": 0.0}


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Whom listeners were told of, and whether they came."""
    seen: list[tuple[str, bool]] = []

    def listen(user: str, online: bool) -> Pushes:
        seen.append((user, online))
        yield from ()

    monkeypatch.setattr("realtime.presence.presence_listeners", {"listen": listen})
    return seen


@pytest_asyncio.fixture
async def starting() -> AsyncIterator[Callable[..., Process]]:
    """`starting(make)`: a process that ends with the test."""
    started: list[Process] = []

    def start(make: Callable[[Announcer], Presence]) -> Process:
        started.append(Process(make))
        return started[-1]

    yield start
    for process in started:
        await process.kill()
        await process.presence.close()


@pytest.fixture
def url() -> Iterator[str]:
    """A Redis that nobody is known to."""
    with redis.Redis.from_url(redis_url()) as client:
        client.flushall()
        yield redis_url()
        client.flushall()


@pytest_asyncio.fixture(params=["memory", "Redis"])
async def process(request: pytest.FixtureRequest, starting: Callable[..., Process], url: str) -> Process:
    if request.param == "memory":
        return starting(MemoryPresence)
    return starting(lambda announcer: RedisPresence(announcer, url))


@pytest_asyncio.fixture
async def several(starting: Callable[..., Process], url: str) -> list[Process]:
    """Three processes on one Redis."""
    return [starting(lambda announcer: RedisPresence(announcer, url)) for _ in range(3)]


@pytest_asyncio.fixture
async def idle(url: str) -> AsyncIterator[list[RedisPresence]]:
    """Two processes of which nothing runs by itself."""
    made = [RedisPresence(Announcer(), url) for _ in range(2)]
    yield made
    for backend in made:
        await backend.close()
