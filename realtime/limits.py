"""Rates, as sliding windows of the `limits` library: in memory, or in Redis for all processes.

If Redis does not answer, each process counts for itself until it does: limits then are looser,
but people go on talking.
"""

import logging
import math
import time
from functools import cache, lru_cache
from typing import Any

import redis.asyncio
from django.core.signals import setting_changed
from limits import RateLimitItem, parse
from limits.aio.storage import RedisStorage as AsyncRedisStorage
from limits.aio.strategies import MovingWindowRateLimiter as AsyncMovingWindow
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError

from realtime.conf import conf
from realtime.errors import ClientError
from realtime.redis_pools import TIMEOUT, loop_pool

logger = logging.getLogger(__name__)

UNITS = {"s": "second", "m": "minute", "h": "hour", "d": "day"}


@lru_cache(maxsize=256)
def rate(text: str) -> RateLimitItem:
    """`30/m` or `30/minute` as the library's item; ValueError on anything else."""
    amount, _, unit = text.partition("/")
    return parse(f"{amount}/{UNITS.get(unit, unit)}")


class Limits:
    """Counts hits; a refused hit does not count.

    Redis is asked by two clients, one for the event loop and one for threads, which share their keys.
    """

    def __init__(self, redis_url: str = "") -> None:
        self._memory = MovingWindowRateLimiter(MemoryStorage())
        self._threads: MovingWindowRateLimiter | None = None
        self._loop: AsyncMovingWindow | None = None
        self._loop_pool: redis.asyncio.ConnectionPool | None = None
        if redis_url:
            options: dict[str, Any] = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT}
            self._threads = MovingWindowRateLimiter(RedisStorage(redis_url, **options))
            self._loop_pool = loop_pool(redis_url)
            pool: Any = self._loop_pool
            storage = AsyncRedisStorage(f"async+{redis_url}", connection_pool=pool, implementation="redispy")
            self._loop = AsyncMovingWindow(storage)

    async def close(self) -> None:
        """End the connections of this event loop."""
        if self._loop_pool is not None:
            await self._loop_pool.disconnect()

    async def hit(self, limit: str, *key: str) -> float | None:
        """None when allowed, else the seconds to wait. For the event loop."""
        if self._loop is None:
            return self._hit(self._memory, rate(limit), key)
        try:
            if await self._loop.hit(rate(limit), *key):
                return None
            return _wait((await self._loop.get_window_stats(rate(limit), *key)).reset_time)
        except RedisError as error:
            return self._fall_back(error, limit, key)

    def hit_sync(self, limit: str, *key: str) -> float | None:
        """The same for threads."""
        if self._threads is None:
            return self._hit(self._memory, rate(limit), key)
        try:
            return self._hit(self._threads, rate(limit), key)
        except RedisError as error:
            return self._fall_back(error, limit, key)

    def _fall_back(self, error: RedisError, limit: str, key: tuple[str, ...]) -> float | None:
        logger.warning("rate limits are counted by each process alone: Redis does not answer (%s)", error)
        return self._hit(self._memory, rate(limit), key)

    @staticmethod
    def _hit(window: MovingWindowRateLimiter, item: RateLimitItem, key: tuple[str, ...]) -> float | None:
        if window.hit(item, *key):
            return None
        return _wait(window.get_window_stats(item, *key).reset_time)


def _wait(reset_time: float) -> float:
    return max(1, math.ceil(reset_time - time.time()))


def refusal(retry_after: float) -> ClientError:
    """What a client hears that went over a rate."""
    return ClientError("RATE_LIMITED", "Rate limit exceeded", retry_after=retry_after)


async def limit_connections(limit: str, *key: str) -> None:
    """Count a connection; TOO_MANY_CONNECTIONS if there were too many lately. On the event loop."""
    wait = await limits().hit(limit, "connect", *key)
    if wait is not None:
        raise ClientError("TOO_MANY_CONNECTIONS", "Too many connections", retry_after=wait)


async def limit_auth(user: str, connection: str) -> None:
    """Count a token on a live connection, of the user or of who is nobody yet; RATE_LIMITED if there were too many."""
    wait = await limits().hit(conf().auth_rate, "auth", user or connection)
    if wait is not None:
        raise refusal(wait)


@cache
def limits() -> Limits:
    """This process's counters."""
    return Limits(conf().redis_url)


def _forget(*, setting: str, **_: object) -> None:
    if setting == "REALTIME":
        limits.cache_clear()


setting_changed.connect(_forget, dispatch_uid="realtime.limits")
