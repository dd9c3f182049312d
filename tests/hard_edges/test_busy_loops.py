"""A loop that stood still has not read what was answered in time: nobody else is to blame for that."""

import asyncio
import time

import pytest

from realtime import redis_listener, redis_wire
from realtime.layer_redis import RedisLayer
from realtime.redis_wire import RedisWire
from tests.hard_edges.fake_redis import FakeRedis, Reply, ordinary
from tests.realtime.waiting import soon

pytestmark = pytest.mark.asyncio
TIMEOUT = 0.1


def stand_still() -> None:
    """As in a collection of garbage, or while very many are told something."""
    time.sleep(2 * TIMEOUT)


def answer(words: list[bytes], writer: asyncio.StreamWriter) -> Reply:
    """At once; and then the loop stands still before anybody has read it."""
    if words[0] == b"PUBLISH" or b"room" in words[-1]:
        writer.write(ordinary(words, writer) or b"")
        asyncio.get_running_loop().call_soon(stand_still)
        return None
    return ordinary(words, writer)


async def test_a_busy_loop_is_not_a_silent_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeRedis(answer) as fake:
        wire = await RedisWire.open(fake.url)
        monkeypatch.setattr(redis_wire, "TIMEOUT", TIMEOUT)
        assert await soon(wire.ask("PUBLISH", "a", "b")) == 1
        wire.close()


async def test_a_busy_loop_is_not_a_missing_confirmation(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeRedis(answer) as fake:
        layer = RedisLayer(fake.url)
        channel = await layer.new_channel()
        monkeypatch.setattr(redis_listener, "TIMEOUT", TIMEOUT)
        await layer.group_add("room", channel)
        await layer.close()
