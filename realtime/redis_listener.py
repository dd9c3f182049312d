"""The connection of a process that subscribes to topics of Redis."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from realtime.redis_wire import SECOND_LOOK, TIMEOUT, RedisWire

logger = logging.getLogger(__name__)

PING_INTERVAL: Final = 5.0  # seconds of silence before the listening connection is tried
BACKOFF: Final = (0.05, 2.0)  # seconds to the first and between later attempts to reconnect


class Listener:
    """The one connection that subscribes: reconnects with jitter and subscribes again by itself.

    `gap` is called when all topics are heard again after the connection was lost.
    """

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
        self._asked: Counter[str] = Counter()  # subscriptions that Redis has not confirmed, by topic
        self._unheard: set[str] = set()  # topics of before the connection was lost
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._task = asyncio.create_task(self._run(), name="redis-listener")

    @property
    def has_ended(self) -> bool:
        """Whether it listens no more, and will not again."""
        return self._task.done()

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def subscribed(self, topic: str, *, is_new: bool) -> None:
        """Return when Redis has confirmed the topic; ConnectionError after TIMEOUT."""
        if not is_new and topic not in self._waiting:
            return
        confirmed = self._wait_for(topic)
        if is_new:
            self._subscribe([topic])
        await asyncio.wait([confirmed], timeout=TIMEOUT)
        if not confirmed.done():
            await asyncio.wait([confirmed], timeout=SECOND_LOOK)
        if not confirmed.done():
            raise ConnectionError("Redis does not confirm a subscription")

    def unsubscribe(self, topic: str) -> None:
        """Tell Redis, if it is there; if not, the next connection will not ask for the topic."""
        self._waiting.pop(topic, None)
        if self._wire is not None:
            self._wire.tell("UNSUBSCRIBE", topic)
        self._hear(topic)

    def _wait_for(self, topic: str) -> asyncio.Future[None]:
        if topic not in self._waiting:
            self._waiting[topic] = asyncio.get_running_loop().create_future()
        return self._waiting[topic]

    def _subscribe(self, topics: Sequence[str]) -> None:
        if self._wire is not None and topics:
            self._asked.update(topics)
            self._wire.tell("SUBSCRIBE", *topics)

    async def _run(self) -> None:
        delay, was_connected = BACKOFF[0], False
        while True:
            try:
                self._wire = wire = await RedisWire.open(self._url, self._handle)
                self._begin(is_again=was_connected)
                delay, was_connected = BACKOFF[0], True
                await wire.lost(silence=PING_INTERVAL)
                logger.warning("the connection to Redis is lost, trying again")
            except OSError as error:
                logger.warning("Redis does not answer, trying again: %r", error)
            except Exception:
                logger.critical("the listener of this process has stopped", exc_info=True)
                raise
            finally:
                self._disconnect()
            await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311 -- jitter
            delay = min(2 * delay, BACKOFF[1])

    def _begin(self, *, is_again: bool) -> None:
        self._asked.clear()
        if is_again:
            self._unheard = set(self._topics)
            for topic in self._topics:
                self._wait_for(topic)
        self._subscribe(list(self._topics))

    def _disconnect(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def _handle(self, answer: list[bytes]) -> None:
        if answer[0] == b"message":
            self._dispatch(answer[1].decode(), answer[2])
        elif answer[0] == b"subscribe":
            self._confirm(answer[1].decode())

    def _confirm(self, topic: str) -> None:
        self._asked[topic] -= 1
        if self._asked[topic] > 0:  # there was a change of mind, and this is the answer to what was asked first
            return
        del self._asked[topic]
        confirmed = self._waiting.pop(topic, None)
        if confirmed is not None and not confirmed.done():
            confirmed.set_result(None)
        self._hear(topic)

    def _hear(self, topic: str) -> None:
        if topic in self._unheard:
            self._unheard.discard(topic)
            if not self._unheard:
                logger.warning("Redis is back; messages may have been missed")
                self._gap()
