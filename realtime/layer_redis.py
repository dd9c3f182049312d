"""A channel layer over Redis pub/sub: one connection a process that listens, and one that publishes.

Why not the one of channels_redis: it queues without bound, loses what is published while it
reconnects without telling anybody, and can be changed only through private classes. It works here
all the same; set `CHANNEL_LAYERS` to it.
"""

import asyncio
import logging
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

from realtime.redis_listener import Listener
from realtime.redis_wire import TIMEOUT, RedisWire, RefusedError

logger = logging.getLogger(__name__)

CAPACITY: Final = 10_000  # messages that wait for one reader
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
        self._listener: Listener | None = None
        self._overrun: set[str] = set()  # channels whose reader is too slow
        self._publishing: RedisWire | None = None
        self._opening: asyncio.Task[RedisWire] | None = None  # the same for all who wait for it

    @property
    def is_deaf(self) -> bool:
        """Whether nothing is heard any more, and will not be again."""
        return self._listener is not None and self._listener.has_ended

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

    async def receive_many(self, channel: str, limit: int) -> list[dict[str, Any]]:
        """The next message as soon as there is one, with all that wait behind it, at most `limit`."""
        messages, queue = [await self.receive(channel)], self._queue(channel)
        while len(messages) < limit and not queue.empty():
            messages.append(queue.get_nowait())
        return messages

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
        """Several, in order and in one round trip. If it fails, some may have been sent.

        RefusedError tells which were not, and that all others were.
        """
        for group, _ in messages:
            self.require_valid_group_name(group)
        await self._publish([(_topic(group), message) for group, message in messages])

    async def close(self) -> None:
        """End both connections; the layer can be used again afterwards, on another loop too."""
        listener, self._listener = self._listener, None
        publishing, self._publishing = self._publishing, None
        opening, self._opening = self._opening, None
        self._readers.clear()
        self._queues.clear()
        if listener is not None:
            await listener.stop()
        if opening is not None:
            opening.cancel()
        if publishing is not None and publishing.is_usable:
            publishing.close()

    def _queue(self, channel: str) -> asyncio.Queue[dict[str, Any]]:
        if channel not in self._queues:
            self._queues[channel] = asyncio.Queue(self.capacity)
        return self._queues[channel]

    async def _publish(self, messages: Sequence[tuple[str, dict[str, Any]]]) -> None:
        try:
            wire = await self._connected()
        except OSError as error:
            raise ConnectionError(f"Redis does not answer: {error}") from error
        answers = await _answers([wire.ask("PUBLISH", topic, _encode(message)) for topic, message in messages])
        refused: dict[int, str] = {}
        for index, failure in enumerate(answers):
            if isinstance(failure, RefusedError):
                refused[index] = str(failure)
            elif failure is not None:
                raise ConnectionError(f"Redis does not answer: {failure}") from failure
        if refused:
            raise RefusedError("; ".join(set(refused.values())), refused)

    async def _connected(self) -> RedisWire:
        if self._publishing is not None and self._publishing.is_usable:
            return self._publishing
        opening = self._opening
        if opening is None or opening.done() or opening.get_loop() is not asyncio.get_running_loop():
            opening = self._opening = asyncio.create_task(RedisWire.open(self.url), name="redis-opening")
        self._publishing = await asyncio.shield(opening)
        return self._publishing

    async def _subscribe(self, topic: str, channel: str) -> None:
        if self._listener is None:
            self._listener = Listener(self.url, self._readers, self._dispatch, self._gap)
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
            queue = self._queue(channel)
            try:
                queue.put_nowait(_decode(body))
            except msgspec.DecodeError:
                logger.exception("a message in %s that is no msgpack was passed over", topic)
            except asyncio.QueueFull:
                self._overflow(channel)
            else:
                if queue.qsize() == 1:
                    self._overrun.discard(channel)

    def _overflow(self, channel: str) -> None:
        """Told once, until the reader has caught up."""
        if channel not in self._overrun:
            self._overrun.add(channel)
            logger.error("the channel %s is full, messages are lost", channel)
            self._gap()

    def _gap(self) -> None:
        if self.on_gap is not None:
            self.on_gap()


async def _answers(asked: Sequence[asyncio.Future[Any]]) -> list[BaseException | None]:
    """What became of each: None, if it was done. They are answered in order, so the last is waited for."""
    try:
        if asked:
            await asyncio.wait(asked[-1:])
    except asyncio.CancelledError:
        for one in asked:
            one.cancel()
        raise
    return [one.exception() for one in asked]


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
