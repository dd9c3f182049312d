"""A channel layer over Redis pub/sub: one connection a process that listens, and one that publishes.

Why not the one of channels_redis: it queues without bound, loses what is published while it
reconnects without telling anybody, and can be changed only through private classes. It works here
all the same; set `CHANNEL_LAYERS` to it.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import uuid4

import msgspec
import redis
from channels.layers import BaseChannelLayer
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from realtime.redis_wire import TIMEOUT, RedisWire

logger = logging.getLogger(__name__)

CAPACITY: Final = 10_000  # messages that wait for one reader
PING_INTERVAL: Final = 5.0  # seconds of silence before the listening connection is tried
BACKOFF: Final = (0.05, 2.0)  # seconds to the first and between later attempts to reconnect
PREFIX: Final = "realtime."
DEAD_CONNECTION: Final = (redis.exceptions.ConnectionError,)
"""Worth one more try, with a new connection: Redis may have been restarted. A time-out is not."""

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder().decode


def _topic(name: str) -> str:
    """The Redis channel of a group or of a channel (whose name has a `!`, so that they never meet)."""
    return PREFIX + name


class RedisLayer(BaseChannelLayer):
    """Groups and channels over all processes that share one Redis.

    Every method that needs Redis raises ConnectionError if it does not answer within a second.
    `on_gap` is called on the loop when messages may have been missed: the listening connection was
    lost and is back, or a reader is too slow.
    """

    extensions: Final = ["groups"]

    def __init__(self, url: str, capacity: int = CAPACITY) -> None:
        super().__init__(capacity=capacity)
        self.url = url
        self.on_gap: Callable[[], None] | None = None
        self._readers: dict[str, set[str]] = {}  # topic -> channels
        self._queues: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self._listener: _Listener | None = None
        self._publishing: RedisWire | None = None
        self._opening = asyncio.Lock()

    async def new_channel(self, prefix: str = "specific") -> str:
        """A fresh channel, already listened to."""
        channel = f"{prefix}.{uuid4().hex}!{uuid4().hex[:8]}"
        self._queue(channel)
        try:
            await self._subscribe(_topic(channel), channel)
        except BaseException:
            self._queues.pop(channel, None)
            raise
        return channel

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """To whoever reads the channel, in any process."""
        self.require_valid_channel_name(channel)
        await self._publish([(_topic(channel), message)])

    async def receive(self, channel: str) -> dict[str, Any]:
        """The next message, as soon as there is one."""
        self.require_valid_channel_name(channel)
        try:
            return await self._queue(channel).get()
        except asyncio.CancelledError:
            await self._forget(channel)  # as in Channels' own layers: the reader has gone
            raise

    async def group_add(self, group: str, channel: str) -> None:
        """From now on (Redis has confirmed it) the channel gets what is sent to the group."""
        self.require_valid_group_name(group)
        await self._subscribe(_topic(group), channel)

    async def group_discard(self, group: str, channel: str) -> None:
        """No longer."""
        await self._unsubscribe(_topic(group), channel)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """To every channel in the group, in any process."""
        await self.group_send_many([(group, message)])

    async def group_send_many(self, messages: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Several, in order and in one round trip. If it fails, some may have been sent."""
        for group, _ in messages:
            self.require_valid_group_name(group)
        await self._publish([(_topic(group), message) for group, message in messages])

    async def close(self) -> None:
        """End both connections; the layer can be used again afterwards, on another loop too."""
        listener, self._listener = self._listener, None
        publishing, self._publishing = self._publishing, None
        self._readers.clear()
        self._queues.clear()
        if listener is not None:
            await listener.stop()
        if publishing is not None:
            publishing.close()

    def _queue(self, channel: str) -> asyncio.Queue[dict[str, Any]]:
        if channel not in self._queues:
            self._queues[channel] = asyncio.Queue(self.capacity)
        return self._queues[channel]

    async def _publish(self, messages: Sequence[tuple[str, dict[str, Any]]]) -> None:
        try:
            wire = await self._connected()
            asked = [wire.ask("PUBLISH", topic, _encode(message)) for topic, message in messages]
            await asyncio.gather(*asked, return_exceptions=True)
            for answer in asked:
                answer.result()
        except OSError as error:
            raise ConnectionError(f"Redis does not answer: {error}") from error

    async def _connected(self) -> RedisWire:
        wire = self._publishing
        if wire is not None and not wire.is_lost:
            return wire
        async with self._opening:
            if self._publishing is None or self._publishing.is_lost:
                self._publishing = await RedisWire.open(self.url)
            return self._publishing

    async def _subscribe(self, topic: str, channel: str) -> None:
        if self._listener is None:
            self._listener = _Listener(self.url, self._readers, self._dispatch, self._gap)
        is_new = topic not in self._readers
        self._readers.setdefault(topic, set()).add(channel)
        try:
            await self._listener.subscribed(topic, is_new=is_new)
        except BaseException:  # a cancelled wait, too
            await self._unsubscribe(topic, channel)
            raise

    async def _unsubscribe(self, topic: str, channel: str) -> None:
        readers = self._readers.get(topic, set())
        readers.discard(channel)
        if not readers and self._readers.pop(topic, None) is not None and self._listener is not None:
            self._listener.unsubscribe(topic)

    async def _forget(self, channel: str) -> None:
        self._queues.pop(channel, None)
        for topic in [topic for topic, readers in self._readers.items() if channel in readers]:
            await self._unsubscribe(topic, channel)

    def _dispatch(self, topic: str, body: bytes) -> None:
        for channel in self._readers.get(topic, ()):
            try:
                self._queue(channel).put_nowait(_decode(body))
            except msgspec.DecodeError:
                logger.exception("a message in %s that is no msgpack was passed over", topic)
            except asyncio.QueueFull:
                logger.error("the channel %s is full, messages are lost", channel)
                self._gap()

    def _gap(self) -> None:
        if self.on_gap is not None:
            self.on_gap()


class _Listener:
    """The one connection that subscribes: reconnects with jitter and subscribes again by itself."""

    def __init__(
        self,
        url: str,
        topics: dict[str, set[str]],
        dispatch: Callable[[str, bytes], None],
        gap: Callable[[], None],
    ) -> None:
        self._url = url
        self._topics, self._dispatch, self._gap = topics, dispatch, gap
        self._wire: RedisWire | None = None
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._task = asyncio.create_task(self._run(), name="redis-listener")

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def subscribed(self, topic: str, *, is_new: bool) -> None:
        """Return when Redis has confirmed the topic; ConnectionError after TIMEOUT."""
        if not is_new and topic not in self._waiting:
            return
        confirmed = self._waiting.setdefault(topic, asyncio.get_running_loop().create_future())
        try:
            if is_new:
                self._tell("SUBSCRIBE", topic)
            async with asyncio.timeout(TIMEOUT):
                await asyncio.shield(confirmed)
        except TimeoutError as error:
            raise ConnectionError("Redis does not confirm a subscription") from error

    def unsubscribe(self, topic: str) -> None:
        """Tell Redis, if it is there; if not, the next connection will not ask for the topic."""
        self._waiting.pop(topic, None)
        self._tell("UNSUBSCRIBE", topic)

    def _disconnect(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def _tell(self, *words: str) -> None:
        if self._wire is not None:
            self._wire.tell(*words)

    async def _run(self) -> None:
        delay, was_connected = BACKOFF[0], False
        while True:
            try:
                self._wire = wire = await RedisWire.open(self._url, self._handle)
                if self._topics:
                    wire.tell("SUBSCRIBE", *self._topics)
                if was_connected:
                    logger.warning("Redis is back; messages may have been missed")
                    self._gap()
                delay, was_connected = BACKOFF[0], True
                await wire.lost(silence=PING_INTERVAL)
                logger.warning("the connection to Redis is lost, trying again")
            except OSError as error:
                logger.warning("Redis does not answer, trying again: %r", error)
            finally:
                self._disconnect()
            await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311 -- jitter
            delay = min(2 * delay, BACKOFF[1])

    def _handle(self, answer: list[bytes]) -> None:
        if answer[0] == b"message":
            self._dispatch(answer[1].decode(), answer[2])
        elif answer[0] == b"subscribe":
            confirmed = self._waiting.pop(answer[1].decode(), None)
            if confirmed is not None and not confirmed.done():
                confirmed.set_result(None)


class Sender:
    """Publishes to groups from any thread of a process that has no event loop of its own."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 1, DEAD_CONNECTION),
        )
        self._down_until = 0.0

    @property
    def is_up(self) -> bool:
        """False for a second after a failure, so that a long import does not wait for each row."""
        return time.monotonic() >= self._down_until

    def send(self, messages: Sequence[tuple[str, dict[str, object]]]) -> bool:
        """Publish `(group, message)` pairs in order; whether Redis took them."""
        if not self.is_up:
            return False
        pipeline = self._client.pipeline(transaction=False)
        for group, message in messages:
            pipeline.publish(_topic(group), _encode(message))
        try:
            pipeline.execute()
        except RedisError as error:
            self._down_until = time.monotonic() + TIMEOUT
            logger.warning("Redis does not answer; what is durable waits in the outbox: %s", error)
            return False
        return True
