"""What other services may listen to: canonical payloads as JSON on Redis channels, chosen by the setting `BRIDGE`.

It maps events to channels (`{"message.new": "message:new"}`). Whoever sends an event passes it on, once, when it has
been sent. That never delays or fails a delivery: what Redis does not take at once is not passed on, and what is true
for some listeners alone (`Push.is_personal`) never is.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

import redis
import redis.asyncio
from redis.exceptions import RedisError

from realtime.conf import conf
from realtime.publications import Delivery, Publication
from realtime.redis_pools import loop_pool
from realtime.redis_threads import thread_redis

logger = logging.getLogger(__name__)

WAITING: Final = 10_000  # payloads
TOGETHER: Final = 200  # in one round trip

Passed = tuple[str, bytes]


def chosen(publications: Iterable[Publication]) -> list[Passed]:
    """Channel and payload of what is to be passed on."""
    channels = conf().bridge
    return [
        (channels[publication.event], bytes(publication.data))
        for publication in publications
        if isinstance(publication, Delivery) and publication.event in channels and not publication.personal
    ]


class Bridge:
    """That of a server process, on its loop."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Passed] = asyncio.Queue(WAITING)
        self._is_on = bool(conf().bridge and conf().redis_url)

    def take(self, publications: Iterable[Publication]) -> None:
        """They have been sent to clients; never waits, never raises."""
        if not self._is_on:
            return
        for passed in chosen(publications):
            if self._waiting.full():
                self._waiting.get_nowait()
                logger.warning("other services listen too slowly: an event was not passed on")
            self._waiting.put_nowait(passed)

    async def run(self) -> None:
        """Pass on what was taken, for ever."""
        if not self._is_on:
            return
        client = redis.asyncio.Redis.from_pool(loop_pool(conf().redis_url))
        try:
            while True:
                await self._pass_on(client)
        finally:
            await client.aclose()

    async def _pass_on(self, client: "redis.asyncio.Redis") -> None:
        batch = [await self._waiting.get()]
        while len(batch) < TOGETHER and not self._waiting.empty():
            batch.append(self._waiting.get_nowait())
        pipeline = client.pipeline(transaction=False)
        for channel, data in batch:
            pipeline.publish(channel, data)
        try:
            await pipeline.execute()
        except (RedisError, OSError) as error:
            logger.warning("%s events were not passed on to other services: %r", len(batch), error)


def pass_on(publications: Iterable[Publication]) -> None:
    """The same for a process without an event loop; nothing while Redis is away."""
    passed = chosen(publications) if conf().bridge and conf().redis_url else []
    if passed:
        thread_redis(conf().redis_url).ask(lambda client: _publish(client, passed), default=None)


def _publish(client: "redis.Redis", passed: Iterable[Passed]) -> None:
    pipeline = client.pipeline(transaction=False)
    for channel, data in passed:
        pipeline.publish(channel, data)
    pipeline.execute()
