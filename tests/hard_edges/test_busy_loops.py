"""A loop that stood still has not read what was answered in time: nobody else is to blame for that.

The time that it is given begins in the turn of the loop in which it stands still: a slow machine changes nothing.
"""

import asyncio
import os
import time

import pytest

from realtime import redis_listener, redis_wire
from realtime.layer_redis import PREFIX, RedisLayer
from realtime.redis_wire import RedisWire
from tests.hard_edges.fake_redis import FakeRedis, Reply, confirm, ordinary
from tests.realtime.waiting import soon, until

pytestmark = pytest.mark.asyncio
TIMEOUT = 0.1


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until there is something to answer."""
    monkeypatch.setattr(redis_wire, "TIMEOUT", 60.0)
    monkeypatch.setattr(redis_listener, "TIMEOUT", 60.0)


def mute(words: list[bytes], writer: asyncio.StreamWriter) -> Reply:
    """Says nothing to what the tests answer themselves."""
    return None if words[0] == b"PUBLISH" or b"room" in words[-1] else ordinary(words, writer)


def answer_and_stand_still(fake: FakeRedis, answer: bytes) -> None:
    """The answer is there at once; and then, as in a collection of garbage, the loop reads nothing for too long."""
    assert os.write(fake.writers[-1].get_extra_info("socket").fileno(), answer) == len(answer)
    time.sleep(2 * TIMEOUT)


async def test_a_busy_loop_is_not_a_silent_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeRedis(mute) as fake:
        wire = await RedisWire.open(fake.url)
        await until(lambda: len(fake.writers) == 1)
        monkeypatch.setattr(redis_wire, "TIMEOUT", TIMEOUT)
        answer = wire.ask("PUBLISH", "a", "b")
        answer_and_stand_still(fake, b":1\r\n")
        assert await soon(answer) == 1
        wire.close()


async def test_a_busy_loop_is_not_a_missing_confirmation(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeRedis(mute) as fake:
        layer = RedisLayer(fake.url)
        channel = await soon(layer.new_channel())
        monkeypatch.setattr(redis_listener, "TIMEOUT", TIMEOUT)
        adding = asyncio.create_task(layer.group_add("room", channel))
        confirmation = confirm([f"{PREFIX}room".encode()])
        asyncio.get_running_loop().call_soon(answer_and_stand_still, fake, confirmation)  # in the same turn
        await soon(adding)
        await layer.close()
