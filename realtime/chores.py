"""What every server process sees to from time to time, in a database thread.

    @chore(lambda: settings.STATUS_EXPIRY_INTERVAL)
    def expire_statuses() -> None: ...

Apps declare theirs in `chores.py`. All processes of a deployment do them: what has to happen once
needs means of its own for that, a row's lock or a script in Redis.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from django.db import Error as DatabaseError
from redis.exceptions import RedisError

from realtime import database
from realtime.conf import conf

logger = logging.getLogger(__name__)

Action = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Chore:
    """An action, and the seconds from its end to its next beginning."""

    action: Action
    interval: Callable[[], float]


registry: Final[dict[str, Chore]] = {}
"""Every chore by its name."""


def chore(interval: Callable[[], float]) -> Callable[[Action], Action]:
    """Do it again and again; the interval is asked for each time, so that it may be a setting."""

    def register(action: Action) -> Action:
        registry[f"{action.__module__}.{action.__qualname__}"] = Chore(action, interval)
        return action

    return register


async def run() -> None:
    """All of them, for ever."""
    await asyncio.gather(*(_repeat(chore) for chore in registry.values()))


async def _repeat(chore: Chore) -> None:
    while True:
        await asyncio.sleep(chore.interval())
        try:
            await _whole(asyncio.ensure_future(database.run(chore.action)))
        except (DatabaseError, RedisError, OSError) as error:
            logger.warning("%s has to wait: %r", chore.action.__qualname__, error)
        except Exception:
            logger.exception("%s has failed", chore.action.__qualname__)


async def _whole(running: "asyncio.Future[Any]") -> None:
    """Return when it is done; if this is cancelled, too, though not for long."""
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        with suppress(Exception):
            await asyncio.wait_for(running, conf().control_timeout)
        raise
