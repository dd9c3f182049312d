"""The channel layers: one contract for both, and what Redis adds to it."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
import redis.asyncio

from realtime.layer_memory import MemoryLayer
from realtime.layer_redis import PREFIX, RedisLayer, Sender
from tests.realtime.waiting import soon, until
from tests.services import Redis, redis_url

pytestmark = pytest.mark.asyncio
Layer = MemoryLayer | RedisLayer


def number(count: int) -> dict[str, Any]:
    return {"type": "test.number", "number": count}


async def numbers(layer: Layer, channel: str, count: int) -> list[int]:
    return [(await soon(layer.receive(channel)))["number"] for _ in range(count)]


@pytest_asyncio.fixture(params=["memory", "Redis"])
async def layer(request: pytest.FixtureRequest) -> AsyncIterator[Layer]:
    made = MemoryLayer() if request.param == "memory" else RedisLayer(redis_url())
    yield made
    await made.close()


@pytest_asyncio.fixture
async def redis_layer(redis_server: Redis) -> AsyncIterator[Callable[..., RedisLayer]]:
    """`redis_layer()` makes one on the test's own Redis."""
    made: list[RedisLayer] = []

    def make(**options: Any) -> RedisLayer:
        made.append(RedisLayer(redis_server.url, **options))
        return made[-1]

    yield make
    for one in made:
        await one.close()


async def topics(server: Redis) -> set[str]:
    """What anybody listens to on that Redis."""
    async with redis.asyncio.Redis.from_url(server.url) as client:
        names = await client.pubsub_channels(PREFIX + "*")
        return {name.decode().removeprefix(PREFIX) for name in names if isinstance(name, bytes)}


# -- the contract of both -------------------------------------------------------------------------


async def test_a_channel_gets_what_is_sent_to_it_in_order(layer: Layer) -> None:
    channel = await layer.new_channel()
    for count in range(200):
        await layer.send(channel, number(count))
    assert await numbers(layer, channel, 200) == list(range(200))


async def test_two_new_channels_are_never_the_same(layer: Layer) -> None:
    assert await layer.new_channel() != await layer.new_channel()


async def test_a_message_arrives_as_it_was_sent(layer: Layer) -> None:
    channel = await layer.new_channel()
    message = {"type": "test", "bytes": b"\x00\xff", "text": "ü€😀", "none": None, "list": [1, 2.5, True, {"a": {}}]}
    await layer.send(channel, message)
    assert await soon(layer.receive(channel)) == message


async def test_a_group_reaches_each_of_its_channels_once_and_no_other(layer: Layer) -> None:
    inside, too, outside = [await layer.new_channel() for _ in range(3)]
    for channel in (inside, too, too):
        await layer.group_add("room.1", channel)
    await layer.group_add("room.2", outside)
    await layer.group_send("room.1", number(1))
    for channel in (inside, too, outside):
        await layer.send(channel, number(2))
    assert await numbers(layer, inside, 2) == [1, 2]
    assert await numbers(layer, too, 2) == [1, 2]
    assert await numbers(layer, outside, 1) == [2]


async def test_channels_of_a_group_get_a_copy_each(layer: Layer) -> None:
    first, second = [await layer.new_channel() for _ in range(2)]
    for channel in (first, second):
        await layer.group_add("room", channel)
    await layer.group_send("room", number(1))
    (await soon(layer.receive(first)))["number"] = 7
    assert await numbers(layer, second, 1) == [1]


async def test_order_is_kept_over_several_groups(layer: Layer) -> None:
    channel = await layer.new_channel()
    for name in ("a", "b", "c"):
        await layer.group_add(name, channel)
    for count in range(300):
        await layer.group_send("abc"[count % 3], number(count))
    assert await numbers(layer, channel, 300) == list(range(300))


async def test_a_channel_that_left_a_group_hears_it_no_more(layer: Layer) -> None:
    stays, leaves = [await layer.new_channel() for _ in range(2)]
    for channel in (stays, leaves):
        await layer.group_add("room", channel)
    await layer.group_discard("room", leaves)
    await layer.group_discard("room", leaves)
    await layer.group_discard("never joined", leaves)
    await layer.group_send("room", number(1))
    await layer.send(leaves, number(2))
    assert await numbers(layer, stays, 1) == [1]
    assert await numbers(layer, leaves, 1) == [2]


async def test_a_channel_can_leave_and_come_back(layer: Layer) -> None:
    channel = await layer.new_channel()
    for count in range(20):
        await layer.group_add("room", channel)
        await layer.group_send("room", number(count))
        assert await numbers(layer, channel, 1) == [count]
        await layer.group_discard("room", channel)


async def test_nobody_minds_a_group_without_channels(layer: Layer) -> None:
    await layer.group_send("nobody", number(1))


@pytest.mark.parametrize("name", ["room:1", "a b", "ü", "", "x" * 100])
async def test_a_name_that_channels_forbids_is_refused(layer: Layer, name: str) -> None:
    channel = await layer.new_channel()
    with pytest.raises(TypeError):
        await layer.group_add(name, channel)
    with pytest.raises(TypeError):
        await layer.group_send(name, number(1))
    with pytest.raises(TypeError):
        await layer.send(name, number(1))
    with pytest.raises(TypeError):
        await layer.receive(name)


async def test_many_readers_wait_at_the_same_time(layer: Layer) -> None:
    channels = [await layer.new_channel() for _ in range(10)]
    waiting = [asyncio.create_task(numbers(layer, channel, 1)) for channel in channels]
    await asyncio.sleep(0)
    for count, channel in enumerate(channels):
        await layer.send(channel, number(count))
    assert await soon(asyncio.gather(*waiting)) == [[count] for count in range(10)]


async def test_a_reader_that_is_cancelled_is_forgotten_with_its_groups(layer: Layer) -> None:
    gone, other = [await layer.new_channel() for _ in range(2)]
    for channel in (gone, other):
        await layer.group_add("both", channel)
    await layer.group_add("gone-only", gone)
    reading = asyncio.create_task(layer.receive(gone))
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait([reading])
    await layer.group_send("gone-only", number(1))
    await layer.group_send("both", number(2))
    assert await numbers(layer, other, 1) == [2]
    if isinstance(layer, MemoryLayer):
        assert (set(layer._groups), set(layer._channels)) == ({"both"}, {other})
    else:
        assert gone not in layer._queues
        assert not [readers for readers in layer._readers.values() if gone in readers]


async def test_a_closed_layer_can_be_used_again(layer: Layer) -> None:
    await layer.new_channel()
    await layer.close()
    channel = await layer.new_channel()
    await layer.send(channel, number(1))
    assert await numbers(layer, channel, 1) == [1]


# -- overflow -------------------------------------------------------------------------------------


async def test_a_full_channel_in_memory_loses_with_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    layer = MemoryLayer(capacity=3)
    channel = await layer.new_channel()
    for count in range(5):
        await layer.send(channel, number(count))
    assert "is full, a message is lost" in caplog.text
    assert await numbers(layer, channel, 3) == [0, 1, 2]


async def test_a_burst_over_the_capacity_is_read_whole_by_a_reader_that_runs() -> None:
    layer = MemoryLayer(capacity=10)
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    reading = asyncio.create_task(numbers(layer, channel, 500))
    for count in range(500):
        await layer.group_send("room", number(count))
    assert await soon(reading) == list(range(500))


async def test_a_full_channel_on_redis_is_a_gap_and_the_connection_goes_on(
    redis_layer: Callable[..., RedisLayer],
) -> None:
    layer, gaps = redis_layer(capacity=3), asyncio.Queue[None]()
    layer.on_gap = lambda: gaps.put_nowait(None)
    channel = await layer.new_channel()
    for count in range(8):
        await layer.send(channel, number(count))
    await soon(gaps.get())
    assert await numbers(layer, channel, 3) == [0, 1, 2]
    await layer.send(channel, number(9))
    assert await numbers(layer, channel, 1) == [9]
    assert gaps.empty()  # it is told once, until the reader has caught up
    for count in range(5):
        await layer.send(channel, number(count))
    await soon(gaps.get())


async def test_flushing_memory_forgets_everything() -> None:
    layer = MemoryLayer()
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    await layer.send(channel, number(1))
    await layer.flush()
    await layer.group_send("room", number(2))
    await layer.send(channel, number(3))
    assert await numbers(layer, channel, 1) == [3]


# -- several processes on one Redis -----------------------------------------------------------------


async def test_two_layers_on_one_redis_talk(redis_layer: Callable[..., RedisLayer]) -> None:
    here, there = redis_layer(), redis_layer()
    mine, theirs = await here.new_channel(), await there.new_channel()
    await here.group_add("room", mine)
    await there.group_add("room", theirs)
    await here.group_send("room", number(1))
    await there.send(mine, number(2))
    assert await numbers(here, mine, 2) == [1, 2]
    assert await numbers(there, theirs, 1) == [1]


async def test_redis_is_asked_for_a_topic_only_while_somebody_wants_it(
    redis_layer: Callable[..., RedisLayer], redis_server: Redis
) -> None:
    layer = redis_layer()
    first, second = [await layer.new_channel() for _ in range(2)]
    for channel in (first, second):
        await layer.group_add("room", channel)
    assert await topics(redis_server) == {first, second, "room"}
    await layer.group_discard("room", first)
    assert "room" in await topics(redis_server)
    await layer.group_discard("room", second)
    await layer.group_add("next", first)  # the answer to it comes after that of the line above
    assert await topics(redis_server) == {first, second, "next"}


async def test_hundreds_subscribe_at_once(redis_layer: Callable[..., RedisLayer]) -> None:
    layer = redis_layer()
    channels = [await layer.new_channel() for _ in range(3)]
    joins = [layer.group_add(f"room.{count}", channel) for count in range(100) for channel in channels]
    await soon(asyncio.gather(*joins))
    for count in range(100):
        await layer.group_send(f"room.{count}", number(count))
    for channel in channels:
        assert await numbers(layer, channel, 100) == list(range(100))


async def test_a_restart_of_redis_is_a_gap_after_which_all_groups_are_heard_again(
    redis_layer: Callable[..., RedisLayer], redis_server: Redis
) -> None:
    layer, gaps = redis_layer(), asyncio.Queue[None]()
    layer.on_gap = lambda: gaps.put_nowait(None)
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    for count in range(2):
        await asyncio.to_thread(redis_server.restart)
        await soon(gaps.get())
        await layer.group_add(f"after.{count}", channel)  # confirmed, so all before it is, too
        await redis_layer().group_send("room", number(count))
        assert await numbers(layer, channel, 1) == [count]
    assert gaps.empty()


async def test_a_killed_subscription_is_a_gap(redis_layer: Callable[..., RedisLayer], redis_server: Redis) -> None:
    layer, gaps = redis_layer(), asyncio.Queue[None]()
    layer.on_gap = lambda: gaps.put_nowait(None)
    channel = await layer.new_channel()
    async with redis.asyncio.Redis.from_url(redis_server.url) as client:
        await client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")  # type: ignore[no-untyped-call]
    await soon(gaps.get())
    await layer.group_add("room", channel)
    await layer.group_send("room", number(1))
    assert await numbers(layer, channel, 1) == [1]


async def pings(client: redis.asyncio.Redis) -> int:
    """How many have been asked of that Redis."""
    calls: int = (await client.info("commandstats")).get("cmdstat_ping", {"calls": 0})["calls"]
    return calls


async def test_a_redis_that_is_silent_is_given_up_and_found_again(
    redis_layer: Callable[..., RedisLayer],
    redis_server: Redis,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("realtime.redis_listener.PING_INTERVAL", 0.5)
    layer, gaps = redis_layer(), asyncio.Queue[None]()
    layer.on_gap = lambda: gaps.put_nowait(None)
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    async with asyncio.timeout(10), redis.asyncio.Redis.from_url(redis_server.url) as client:
        answered = await pings(client)
        while await pings(client) < answered + 2:  # noqa: ASYNC110 -- Redis sets no event
            await asyncio.sleep(0.01)
    assert gaps.empty()  # pings that are answered are no trouble
    assert redis_server.process is not None
    redis_server.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(ConnectionError):
            await soon(layer.group_add("more", channel))
        await until(lambda: "the connection to Redis is lost" in caplog.text)
    finally:
        redis_server.process.send_signal(signal.SIGCONT)
    await soon(gaps.get())
    await layer.group_add("again", channel)
    await layer.group_send("room", number(1))
    assert await numbers(layer, channel, 1) == [1]


# -- without Redis ------------------------------------------------------------------------------------


async def test_everything_that_needs_redis_says_so_when_it_is_down(
    redis_layer: Callable[..., RedisLayer], redis_server: Redis
) -> None:
    layer = redis_layer()
    channel = await layer.new_channel()
    await layer.send(channel, number(1))
    assert await numbers(layer, channel, 1) == [1]
    await asyncio.to_thread(redis_server.kill)
    for call in (
        lambda: layer.send(channel, number(1)),
        lambda: layer.group_send("room", number(1)),
        lambda: layer.group_add("room", channel),
        layer.new_channel,
    ):
        with pytest.raises(ConnectionError):
            await soon(call())
    await layer.group_discard("room", channel)
    await asyncio.to_thread(redis_server.start)
    await until(lambda: layer._listener is not None and layer._listener._wire is not None)
    await layer.group_add("room", channel)
    assert channel in await topics(redis_server)
    await layer.group_send("room", number(2))
    assert await numbers(layer, channel, 1) == [2]


async def test_a_layer_that_never_reached_redis_works_as_soon_as_it_is_there(
    redis_layer: Callable[..., RedisLayer], redis_server: Redis
) -> None:
    layer, gaps = redis_layer(), asyncio.Queue[None]()
    layer.on_gap = lambda: gaps.put_nowait(None)
    await asyncio.to_thread(redis_server.kill)
    with pytest.raises(ConnectionError):
        await soon(layer.new_channel())
    await asyncio.to_thread(redis_server.start)
    async with asyncio.timeout(10):
        while True:
            try:
                channel = await layer.new_channel()
                break
            except ConnectionError:
                continue
    await layer.send(channel, number(1))
    assert await numbers(layer, channel, 1) == [1]
    assert gaps.empty()


async def test_two_that_subscribe_while_redis_is_down_both_hear_of_it(
    redis_layer: Callable[..., RedisLayer], redis_server: Redis
) -> None:
    layer = redis_layer()
    first, second = [await layer.new_channel() for _ in range(2)]
    await asyncio.to_thread(redis_server.kill)
    joins = [layer.group_add("room", channel) for channel in (first, second)]
    outcomes = await soon(asyncio.gather(*joins, return_exceptions=True))
    assert [type(outcome) for outcome in outcomes] == [ConnectionError, ConnectionError]
    assert "room" not in layer._readers


# -- the synchronous sender ---------------------------------------------------------------------------


async def test_the_sender_reaches_groups_in_order_from_any_thread(
    redis_layer: Callable[..., RedisLayer], redis_server: Redis
) -> None:
    layer, sender = redis_layer(), Sender(redis_server.url)
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    for start in (0, 50):
        messages = [("room", number(count)) for count in range(start, start + 50)]
        thread = threading.Thread(target=sender.send, args=[messages])
        thread.start()
        await asyncio.to_thread(thread.join)
    assert await numbers(layer, channel, 100) == list(range(100))
    assert sender.is_up
    assert sender.send([])


async def test_the_sender_tells_when_redis_is_down_and_leaves_it_alone_for_a_moment(redis_server: Redis) -> None:
    sender = Sender(redis_server.url)
    assert await asyncio.to_thread(sender.send, [("room", number(1))])
    await asyncio.to_thread(redis_server.kill)
    assert not await asyncio.to_thread(sender.send, [("room", number(1))])
    assert not sender.is_up
    await asyncio.to_thread(redis_server.start)
    assert not await asyncio.to_thread(sender.send, [("room", number(1))])  # not asked again so soon
    await until(lambda: sender.is_up)
    assert await asyncio.to_thread(sender.send, [("room", number(1))])


# -- defects ------------------------------------------------------------------------------------------


async def test_a_message_that_is_no_msgpack_is_passed_over(
    redis_layer: Callable[..., RedisLayer], redis_server: Redis
) -> None:
    layer = redis_layer()
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    async with redis.asyncio.Redis.from_url(redis_server.url) as client:
        await client.publish(f"{PREFIX}room", b"\xc1 no msgpack")
    await layer.group_send("room", number(1))
    assert (await soon(layer.receive(channel)))["number"] == 1


async def test_the_first_publish_after_a_restart_of_redis_arrives(
    redis_layer: Callable[..., RedisLayer], redis_server: Redis
) -> None:
    layer = redis_layer()
    await layer.group_send("room", number(1))
    await asyncio.to_thread(redis_server.restart)
    await layer.group_send("room", number(2))


async def test_a_failed_new_channel_leaves_nothing_behind(
    redis_layer: Callable[..., RedisLayer], redis_server: Redis
) -> None:
    layer = redis_layer()
    await asyncio.to_thread(redis_server.kill)
    with pytest.raises(ConnectionError):
        await soon(layer.new_channel())
    assert (layer._queues, layer._readers) == ({}, {})


async def test_a_cancelled_subscription_leaves_nothing_behind(
    redis_layer: Callable[..., RedisLayer], redis_server: Redis
) -> None:
    layer = redis_layer()
    channel = await layer.new_channel()
    assert redis_server.process is not None
    redis_server.process.send_signal(signal.SIGSTOP)
    joining = asyncio.create_task(layer.group_add("room", channel))
    await until(lambda: f"{PREFIX}room" in layer._readers)
    joining.cancel()
    await asyncio.wait([joining])
    redis_server.process.send_signal(signal.SIGCONT)
    await layer.group_add("next", channel)
    assert await topics(redis_server) == {channel, "next"}
