"""A Redis that answers late, half, in another order, or not at all."""

import asyncio
from typing import Any

import pytest

from realtime import redis_listener, redis_wire
from realtime.layer_redis import RedisLayer, _topic
from realtime.redis_wire import RedisWire
from tests.hard_edges.fake_redis import FakeRedis, Reply, confirm, ordinary, push, silent
from tests.realtime.waiting import soon, until
from tests.services import Redis

MESSAGE = b"\x81\xa4type\xa1t"
ROOM = _topic("room").encode()


def unconfirming(words: list[bytes], writer: asyncio.StreamWriter) -> Reply:
    """All but subscriptions."""
    return None if words[0] == b"SUBSCRIBE" else ordinary(words, writer)


def refusing(words: list[bytes], _: asyncio.StreamWriter) -> Reply:
    """As after a change of the password."""
    return b"-NOAUTH Authentication required.\r\n"


@pytest.mark.asyncio
async def test_many_who_publish_wait_for_one_connection_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_wire, "TIMEOUT", 0.2)
    async with FakeRedis(silent) as fake:  # AUTH is not answered
        layer = RedisLayer(fake.url.replace("redis://", "redis://:secret@"))
        sending = [layer.group_send("room", {"type": "t"}) for _ in range(5)]
        sent = await soon(asyncio.gather(*sending, return_exceptions=True))
        await layer.close()
        assert len(fake.writers) == 1
    assert [type(one) for one in sent] == [ConnectionError] * 5


@pytest.mark.asyncio
async def test_the_gap_is_told_when_every_room_is_heard_again_and_not_before() -> None:
    gaps: list[int] = []
    async with FakeRedis(ordinary) as fake:
        layer = RedisLayer(fake.url)
        layer.on_gap = lambda: gaps.append(1)
        channel = await layer.new_channel()
        await layer.group_add("room", channel)
        fake.answer = unconfirming
        before = len(fake.subscriptions)
        fake.writers[0].transport.abort()
        await until(lambda: len(fake.subscriptions) > before)
        topics = fake.subscriptions[-1]
        assert sorted(topics) == sorted([ROOM, _topic(channel).encode()])
        fake.writers[1].write(confirm([topic for topic in topics if topic != ROOM]) + _message(channel))
        await soon(layer.receive(channel))
        assert gaps == []
        fake.writers[1].write(confirm([ROOM]))
        await until(lambda: bool(gaps))
        await layer.close()
    assert gaps == [1]


@pytest.mark.asyncio
async def test_nobody_is_added_to_a_room_that_is_not_heard_again_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    gaps: list[int] = []
    async with FakeRedis(ordinary) as fake:
        layer = RedisLayer(fake.url)
        layer.on_gap = lambda: gaps.append(1)
        one, two = await layer.new_channel(), await layer.new_channel()
        await layer.group_add("room", one)
        fake.answer = unconfirming
        before = len(fake.subscriptions)
        fake.writers[0].transport.abort()
        await until(lambda: len(fake.subscriptions) > before)
        monkeypatch.setattr(redis_listener, "TIMEOUT", 0.05)
        with pytest.raises(ConnectionError):
            await layer.group_add("room", two)
        assert gaps == []
        fake.writers[1].write(confirm(fake.subscriptions[-1]))
        await until(lambda: bool(gaps))
        await layer.group_add("room", two)
        await layer.close()


@pytest.mark.asyncio
async def test_a_refused_subscription_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    gap = asyncio.Event()
    async with FakeRedis(ordinary) as fake:
        layer = RedisLayer(fake.url)
        layer.on_gap = gap.set
        await layer.group_add("room", await layer.new_channel())
        fake.answer = refusing
        fake.writers[0].transport.abort()
        await until(lambda: len(fake.writers) > 2)
        assert "NOAUTH" in caplog.text
        assert not gap.is_set()
        fake.answer = ordinary
        await soon(gap.wait())
        await layer.close()


@pytest.mark.asyncio
async def test_the_answer_to_an_earlier_subscription_confirms_no_later_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_listener, "TIMEOUT", 60.0)
    async with FakeRedis(ordinary) as fake:
        layer = RedisLayer(fake.url)
        channel = await layer.new_channel()
        fake.answer = unconfirming
        first = asyncio.create_task(layer.group_add("room", channel))
        await until(lambda: fake.subscriptions.count([ROOM]) == 1)
        first.cancel()  # the client went away
        await asyncio.wait([first])
        second = asyncio.create_task(layer.group_add("room", channel))
        await until(lambda: fake.subscriptions.count([ROOM]) == 2)
        fake.writers[0].write(confirm([ROOM]) + push(b"unsubscribe", ROOM, 1) + _message(channel))
        await soon(layer.receive(channel))
        await asyncio.sleep(0)
        assert not second.done()
        fake.writers[0].write(confirm([ROOM]))
        await soon(second)
        await layer.close()


@pytest.mark.asyncio
async def test_a_full_queue_tells_of_the_gap_once() -> None:
    gaps: list[int] = []
    async with FakeRedis(ordinary) as fake:
        layer = RedisLayer(fake.url, capacity=10)
        layer.on_gap = lambda: gaps.append(1)
        slow, other = await layer.new_channel(), await layer.new_channel()
        await layer.group_add("room", slow)
        fake.writers[0].write(push(b"message", ROOM, MESSAGE) * 1000 + _message(other))
        await soon(layer.receive(other))
        await layer.close()
    assert gaps == [1]


@pytest.mark.asyncio
async def test_answers_that_come_byte_by_byte_reach_who_asked() -> None:
    trickling: list[asyncio.Task[None]] = []

    async def trickle(writer: asyncio.StreamWriter) -> None:
        for byte in b":1\r\n-NOPERM no\r\n:3\r\n":
            writer.write(bytes([byte]))
            await asyncio.sleep(0.001)

    def answer(words: list[bytes], writer: asyncio.StreamWriter) -> Reply:
        if words[1] == b"c":
            trickling.append(asyncio.create_task(trickle(writer)))
        return None

    async with FakeRedis(answer) as fake:
        wire = await RedisWire.open(fake.url)
        asked = [wire.ask("PUBLISH", topic, "x") for topic in "abc"]
        answers: list[Any] = await soon(asyncio.gather(*asked, return_exceptions=True))
        await asyncio.gather(*trickling)
        wire.close()
    assert (answers[0], answers[2]) == (1, 3)
    assert isinstance(answers[1], ConnectionError)


@pytest.mark.asyncio
async def test_who_asks_when_the_connection_has_just_been_lost_hears_of_it(redis_server: Redis) -> None:
    wire = await RedisWire.open(redis_server.url)
    wire.close()
    for _ in range(2):  # before the loop has noticed, and after
        with pytest.raises(ConnectionError):
            await soon(wire.ask("PUBLISH", "a", "b"))


def test_another_loop_can_use_the_layer_after_one_has_ended(redis_server: Redis) -> None:
    layer = RedisLayer(redis_server.url)
    for _ in range(2):  # as `async_to_sync` in a thread does it
        asyncio.run(layer.group_send("room", {"type": "t"}))


def _message(channel: str) -> bytes:
    """One that the channel gets, after all that was said before it."""
    return push(b"message", _topic(channel).encode(), MESSAGE)
