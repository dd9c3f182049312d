"""Pools of Redis connections in which a storm waits its turn instead of failing."""

from typing import Any, Final

import redis.asyncio

CONNECTIONS: Final = 16  # enough for one event loop: each is held for one round trip
TIMEOUT: Final = 1.0  # seconds for any answer, and for a turn; a dead Redis must not hold anybody up for longer


def loop_pool(url: str, **options: Any) -> redis.asyncio.BlockingConnectionPool:
    """For the clients of one event loop."""
    return redis.asyncio.BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=TIMEOUT,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        **options,
    )
