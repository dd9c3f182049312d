"""What one server process owns, put together: channel layer, hub, publisher, relay, presence."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final, Self

from channels.layers import get_channel_layer

from realtime.conf import conf
from realtime.draining import Connection, drain
from realtime.hub import Hub
from realtime.limits import limits
from realtime.log import Log
from realtime.log_memory import MemoryLog
from realtime.outbox import Relay
from realtime.presence import Announcer, Presence, set_backend
from realtime.presence_memory import MemoryPresence
from realtime.publisher import Publisher
from realtime.publishing import set_courier

logger = logging.getLogger(__name__)
CANCEL_INTERVAL: Final = 0.1  # seconds until a background loop that goes on is cancelled again

_starting: "asyncio.Future[Process] | None" = None
current: "Process | None" = None
"""The running server of this process, if it is one."""


class Process:
    """Made by the first connection, or by the server's start where it tells of that (ASGI lifespan)."""

    def __init__(self) -> None:
        layer = get_channel_layer()
        assert layer is not None, "settings.CHANNEL_LAYERS needs a default"
        self.layer = layer
        self.log: Log = MemoryLog()
        self.hub = Hub(layer, self.log)
        self.publisher = Publisher(layer)
        self.announcer = Announcer()
        self.presence: Presence = _presence(self.announcer)
        self.relay = Relay(self.publisher)
        self.connections: set[Connection] = set()
        self.is_draining = False
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def started(cls) -> Self | "Process":
        """The one of this event loop, started if need be."""
        global _starting  # noqa: PLW0603 -- one a process, like the loop it belongs to
        if current is not None:
            return current
        if _starting is None:
            _starting = asyncio.ensure_future(cls()._start())
        return await asyncio.shield(_starting)

    async def _start(self) -> "Process":
        global current, _starting  # noqa: PLW0603
        try:
            await self.hub.open()
        finally:
            _starting = None
        set_courier(self.publisher)
        set_backend(self.presence)
        for name, work in self._work().items():
            self._tasks.append(asyncio.create_task(_guarded(name, work), name=name))
        current = self
        return self

    def _work(self) -> dict[str, Coroutine[Any, Any, None]]:
        return {
            "hub": self.hub.run(),
            "log": self.hub.sweep(),
            "publisher": self.publisher.run(),
            "tidy": self.publisher.tidy(),
            "announcer": self.announcer.run(),
            "presence": self.presence.run(),
            "relay": self.relay.run(),
        }

    @property
    def troubles(self) -> list[str]:
        """Why no client should be sent here; empty if all is well."""
        troubles = [f"the {task.get_name()} has stopped" for task in self._tasks if task.done() and task.exception()]
        if self.publisher.is_down:
            troubles.append("the channel layer is down")
        if self.is_draining:
            troubles.append("draining")
        return troubles

    async def drain(self) -> None:
        """Be ready for no new client, and send every one to another process; returns when they have been told."""
        self.is_draining = True
        await drain(self.connections)

    async def stop(self) -> None:
        """End in order: nobody hears any more, what was sent leaves the outbox, then the connections."""
        global current  # noqa: PLW0603
        current = None
        set_backend(None)
        await self.presence.close()
        await self.publisher.drain()
        set_courier(None)
        await self._end_tasks()
        await limits().close()
        if hasattr(self.layer, "close"):
            await self.layer.close()

    async def _end_tasks(self) -> None:
        """Cancel the background loops, more than once if need be: on Python 3.11 redis-py may swallow one."""
        running = {task for task in self._tasks if not task.done()}
        while running:
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=CANCEL_INTERVAL)


def _presence(announcer: Announcer) -> Presence:
    if not conf().redis_url:
        return MemoryPresence(announcer)
    from realtime.presence_redis import RedisPresence  # noqa: PLC0415 -- no redis without REDIS_URL

    return RedisPresence(announcer, conf().redis_url)


async def _guarded(name: str, work: Coroutine[Any, Any, None]) -> None:
    """A background loop that ends by an error ends the process's readiness, not silently."""
    try:
        await work
    except Exception:
        logger.critical("the %s of this process has stopped", name, exc_info=True)
        raise
