"""The end of a server for its clients: they go elsewhere, not all at once, and none is forgotten."""

import asyncio
import logging
from collections.abc import Collection
from typing import Final, Protocol

from realtime.conf import conf
from realtime.errors import Close

logger = logging.getLogger(__name__)

TICK: Final = 0.05  # seconds between two handfuls of clients that are sent away
ANSWER_TIMEOUT: Final = 5.0  # seconds for the clients to have taken their close frames


class Connection(Protocol):
    """One client's socket, whoever it is."""

    def close(self, code: Close, reason: str) -> None:
        """After all that is queued."""

    async def closed(self, timeout: float) -> None:
        """When the client was told, after `timeout` seconds at most."""


async def drain(connections: Collection[Connection]) -> None:
    """Give balancers `drain_notice` seconds to see it, then close `drain_rate` connections a second with 1001.

    Returns when all have been told. It takes half of `drain_timeout` at most until the last one is closed:
    of more clients than that, more go at a time.
    """
    await asyncio.sleep(conf().drain_notice)  # though nobody may be connected: a balancer sends requests, too
    waiting = list(connections)
    logger.info("draining", extra={"connections": len(waiting)})
    ticks = max(conf().drain_timeout / 2 / TICK, 1)
    handful = max(conf().drain_rate * TICK, len(waiting) / ticks)
    due = 0.0
    for number, connection in enumerate(waiting):
        while number >= due:
            if number:
                await asyncio.sleep(TICK)
            due += handful
        connection.close(Close.GOING_AWAY, "server going away")
    await asyncio.gather(*(connection.closed(ANSWER_TIMEOUT) for connection in waiting))
