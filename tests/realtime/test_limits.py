"""Rates: in memory and in Redis, on the loop and in threads, and without Redis."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from pytest_django import Settings

from realtime import redis_pools
from realtime.limits import Limits, limits, rate, refusal
from tests.realtime.waiting import soon
from tests.services import Redis

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def counting(redis_server: Redis) -> AsyncIterator[Callable[[], Limits]]:
    """`counting()`: the counters of one more process on one Redis."""
    made: list[Limits] = []

    def make() -> Limits:
        made.append(Limits(redis_server.url))
        return made[-1]

    yield make
    for one in made:
        await one.close()


@pytest_asyncio.fixture(params=["memory", "Redis"])
async def counter(request: pytest.FixtureRequest, counting: Callable[[], Limits]) -> AsyncIterator[Limits]:
    made = Limits() if request.param == "memory" else counting()
    yield made
    await made.close()


async def test_so_many_are_allowed_and_the_next_hears_how_long_to_wait(counter: Limits) -> None:
    assert [await counter.hit("3/m", "ping", "ann") for _ in range(3)] == [None] * 3
    wait = await counter.hit("3/m", "ping", "ann")
    assert wait is not None
    assert 1 <= wait <= 60
    assert wait == int(wait)


async def test_each_key_and_each_rate_counts_for_itself(counter: Limits) -> None:
    for limit, key in (
        ("1/m", ("ping", "ann")),
        ("1/m", ("ping", "bea")),
        ("1/m", ("say", "ann")),
        ("2/m", ("ping", "ann")),
    ):
        assert await counter.hit(limit, *key) is None
    assert await counter.hit("1/m", "ping", "ann") is not None


async def test_the_loop_and_threads_count_together(counter: Limits) -> None:
    for number in range(4):
        allowed = await counter.hit("4/m", "k") if number % 2 else await asyncio.to_thread(counter.hit_sync, "4/m", "k")
        assert allowed is None
    assert await counter.hit("4/m", "k") is not None
    assert await asyncio.to_thread(counter.hit_sync, "4/m", "k") is not None


async def test_what_is_refused_does_not_count(counter: Limits) -> None:
    assert await counter.hit("1/s", "k") is None
    async with asyncio.timeout(10):
        while await counter.hit("1/s", "k") is not None:  # noqa: ASYNC110 -- no event tells of a window's end
            await asyncio.sleep(0.02)


async def test_threads_at_once_get_no_more_than_allowed(counter: Limits) -> None:
    allowed: list[bool] = []
    start = threading.Barrier(4)

    def hit() -> None:
        start.wait()
        allowed.extend(counter.hit_sync("10/m", "k") is None for _ in range(5))

    await asyncio.gather(*(asyncio.to_thread(hit) for _ in range(4)))
    assert sum(allowed) == 10


async def test_two_processes_count_together(counting: Callable[[], Limits]) -> None:
    here, there = counting(), counting()
    assert await here.hit("2/m", "k") is None
    assert await there.hit("2/m", "k") is None
    assert await here.hit("2/m", "k") is not None


async def test_without_redis_each_counts_for_itself_until_it_is_back(
    counting: Callable[[], Limits], redis_server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    here = counting()
    assert await here.hit("1/m", "k") is None
    await asyncio.to_thread(redis_server.kill)
    assert await soon(here.hit("1/m", "k")) is None  # of its own counters, the first
    assert await soon(here.hit("1/m", "k")) is not None
    assert await asyncio.to_thread(here.hit_sync, "1/m", "k") is not None
    assert "each process alone" in caplog.text
    await asyncio.to_thread(redis_server.start)
    assert await here.hit("1/m", "k") is None  # Redis has forgotten
    assert await here.hit("1/m", "k") is not None


@pytest.mark.parametrize("text", ["", "x", "1", "1/", "/m", "-1/m", "1/x", "1.5/m", "1/m/m"])
async def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        rate(text)


async def test_the_processs_counters_follow_the_settings(settings: Settings) -> None:
    first = limits()
    settings.CHAT_MAX_TEXT = 5
    assert limits() is first
    settings.REALTIME = {**settings.REALTIME}
    assert limits() is not first


async def test_a_refusal_tells_the_seconds() -> None:
    assert refusal(7).body() == {"code": "RATE_LIMITED", "message": "Rate limit exceeded", "retryAfter": 7}


# -- defects ------------------------------------------------------------------------------------------


async def test_a_storm_is_counted_as_one(counting: Callable[[], Limits], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_pools, "TIMEOUT", 30.0)  # on a busy machine, too, each gets its turn
    counter = counting()
    hits = await asyncio.gather(*(counter.hit("100/m", "connect", "192.0.2.1") for _ in range(500)))
    assert hits.count(None) == 100
