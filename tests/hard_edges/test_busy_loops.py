"""A loop that stood still has not read what was answered in time: nobody else is to blame for that.

The time that it is given begins in the turn of the loop in which it stands still: a slow machine changes nothing.
"""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

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


@asynccontextmanager
async def in_a_callback(fake: FakeRedis, answer: bytes) -> AsyncIterator[Callable[[], object]]:
    """What is given is to be called in the turn of the loop in which something is asked."""
    yield partial(answer_and_stand_still, fake, answer)


@asynccontextmanager
async def while_reading(fake: FakeRedis, answer: bytes) -> AsyncIterator[Callable[[], object]]:
    """In that turn something comes on another connection. Thereafter uvloop runs timers before it reads more."""

    class Reading(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            answer_and_stand_still(fake, answer)

    ours, other = socket.socketpair()
    transport, _ = await asyncio.get_running_loop().create_unix_connection(Reading, sock=ours)
    with other:
        yield partial(other.send, b"something")
        transport.abort()


Standing = Callable[[FakeRedis, bytes], AbstractAsyncContextManager[Callable[[], object]]]
everywhere = pytest.mark.parametrize("standing", [in_a_callback, while_reading])


@everywhere
async def test_a_busy_loop_is_not_a_silent_redis(standing: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeRedis(mute) as fake:
        wire = await RedisWire.open(fake.url)
        await until(lambda: len(fake.writers) == 1)
        async with standing(fake, b":1\r\n") as stand_still:
            monkeypatch.setattr(redis_wire, "TIMEOUT", TIMEOUT)
            answer = wire.ask("PUBLISH", "a", "b")
            stand_still()
            assert await soon(answer) == 1
        wire.close()


@everywhere
async def test_a_busy_loop_is_not_a_missing_confirmation(standing: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeRedis(mute) as fake:
        layer = RedisLayer(fake.url)
        channel = await soon(layer.new_channel())
        async with standing(fake, confirm([f"{PREFIX}room".encode()])) as stand_still:
            monkeypatch.setattr(redis_listener, "TIMEOUT", TIMEOUT)
            adding = asyncio.create_task(layer.group_add("room", channel))
            asyncio.get_running_loop().call_soon(stand_still)  # in the turn in which that begins
            await soon(adding)
        await layer.close()
