"""Redis from database threads, and from processes without an event loop: for what can do without it for a while."""

import logging
import time
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import redis
from redis.commands.core import Script
from redis.exceptions import RedisError

from realtime.redis_pools import TIMEOUT

logger = logging.getLogger(__name__)

REST: Final = 1.0  # seconds for which nobody waits for a Redis that has failed


class ThreadRedis:
    """A client for threads. While Redis is away one call a second waits for it, all others get their default."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(
            url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, decode_responses=True
        )
        self._scripts: dict[str, Script] = {}
        self._rests_until = 0.0  # by time.monotonic

    def ask(self, question: Callable[["redis.Redis"], Any], default: Any) -> Any:
        """What Redis answers; the default if it does not."""
        if time.monotonic() < self._rests_until:
            return default
        try:
            return question(self._client)
        except RedisError as error:
            self._rests_until = time.monotonic() + REST
            logger.warning("Redis does not answer: %r", error)
            return default

    def run(self, script: str, *args: str | float, default: Any = None) -> Any:
        """What a script returns; the default if Redis does not answer."""
        if script not in self._scripts:
            self._scripts[script] = self._client.register_script(script)
        return self.ask(lambda _: self._scripts[script](args=args), default)


@cache
def thread_redis(url: str) -> ThreadRedis:
    """The one of this process."""
    return ThreadRedis(url)
