"""Pools of Redis connections in which a storm waits its turn instead of failing."""

import re
from typing import Any, Final
from urllib.parse import urlsplit

import redis.asyncio
from django.core.exceptions import ImproperlyConfigured

CONNECTIONS: Final = 16  # enough for one event loop: each is held for one round trip
TIMEOUT: Final = 1.0  # seconds for any answer, and for a turn; a dead Redis must not hold anybody up for longer

NO_ADDRESS: Final = (
    "REDIS_URL is no address of a Redis. It is redis://[[user]:password@]host[:port][/number], rediss:// for TLS or "
    "unix://[[user]:password@]path, with options of redis-py at most; write / ? # @ : in a password as %2F and so on."
)  # without what is wrong there: that may be a part of the password


def require_address(url: str) -> None:
    """ImproperlyConfigured if no connection can be made of it, whatever is there."""
    try:
        target: Any = redis.asyncio.ConnectionPool.from_url(url).make_connection()  # type: ignore[no-untyped-call]
        getattr(target, "host", "").encode("idna")
        url.index("://")  # redis-py takes `host:6379` for a scheme, if the host is called redis: that were localhost
        parts = urlsplit(url)
        if parts.scheme != "unix" and not re.fullmatch("/?[0-9]*", parts.path):  # redis-py takes /abc for 0
            raise ValueError
    except (ValueError, TypeError):
        raise ImproperlyConfigured(NO_ADDRESS) from None


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
