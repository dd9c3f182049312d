"""What one server process owns, put together: channel layer, hub, publisher, relay, presence."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final, Self

from channels.layers import get_channel_layer

from realtime import chores
from realtime.audience import Audience
from realtime.audience_memory import MemoryAudience
from realtime.conf import conf
from realtime.deadlines import Lingering
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
from realtime.rechecks import Rechecks
from realtime.redis_pools import require_address

logger = logging.getLogger(__name__)

CANCEL_INTERVAL: Final = 0.1  # seconds until a background loop that goes on is cancelled again
FAREWELLS_TIMEOUT: Final = 3.0  # seconds for each of the things that others, or the next start, see to if this does not

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
        self.audience: Audience = _audience(self.hub)
        self.relay = Relay(self.publisher)
        self.rechecks = Rechecks()
        self.lingering = Lingering()
        self.connections: set[Connection] = set()
        self.is_draining = False
        self._tasks: dict[str, asyncio.Task[None]] = {}

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
            self._tasks[name] = asyncio.create_task(_guarded(name, work), name=name)
        current = self
        return self

    def _work(self) -> dict[str, Coroutine[Any, Any, None]]:
        return {
            "hub": self.hub.run(),
            "log": self.hub.sweep(),
            "publisher": self.publisher.run(),
            "leftovers": self.publisher.left.run(),
            "tidy": self.publisher.tidy(),
            "announcer": self.announcer.run(),
            "presence": self.presence.run(),
            "relay": self.relay.run(),
            "chores": chores.run(),
            "rechecks": self.rechecks.run(),
            "audience": self.audience.run(),
            "bridge": self.publisher.bridge.run(),
        }

    @property
    def troubles(self) -> list[str]:
        """Why no client should be sent here; empty if all is well."""
        tasks = self._tasks.items()
        troubles = [f"the {name} has stopped" for name, task in tasks if task.done() and task.exception()]
        if getattr(self.layer, "is_deaf", False):
            troubles.append("the listener has stopped")
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
        await cancel({self._tasks["chores"]})  # they ask, and tell
        current = None
        set_backend(None)
        ends = (self._end_lingering, self._close_presence, self._close_publisher, self._end_tasks, self._close_audience)
        for step in (*ends, limits().close, self._close_layer):
            try:
                await step()
            except Exception:
                logger.exception("not all could be ended as it should")

    async def _end_lingering(self) -> None:
        async with asyncio.timeout(FAREWELLS_TIMEOUT):
            await self.lingering.end()

    async def _close_presence(self) -> None:
        await cancel({self._tasks["presence"]})
        async with asyncio.timeout(FAREWELLS_TIMEOUT):
            await self.presence.close()

    async def _close_audience(self) -> None:
        async with asyncio.timeout(FAREWELLS_TIMEOUT):
            await self.audience.close()

    async def _close_publisher(self) -> None:
        await self.publisher.drain()
        set_courier(None)

    async def _close_layer(self) -> None:
        if hasattr(self.layer, "close"):
            await self.layer.close()

    async def _end_tasks(self) -> None:
        await cancel(set(self._tasks.values()))


def _presence(announcer: Announcer) -> Presence:
    if not conf().redis_url:
        return MemoryPresence(announcer)
    require_address(conf().redis_url)  # those who start it without checks are told, too
    from realtime.presence_redis import RedisPresence  # noqa: PLC0415 -- no redis without REDIS_URL

    return RedisPresence(announcer, conf().redis_url)


def _audience(hub: Hub) -> Audience:
    if not conf().redis_url:
        return MemoryAudience(hub)
    from realtime.audience_redis import RedisAudience  # noqa: PLC0415 -- no redis without REDIS_URL

    return RedisAudience(hub, conf().redis_url)


async def cancel(tasks: set[asyncio.Task[None]]) -> None:
    """End background loops, cancelled more than once if need be: on Python 3.11 redis-py may swallow it."""
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=CANCEL_INTERVAL)


async def _guarded(name: str, work: Coroutine[Any, Any, None]) -> None:
    """A background loop that ends by an error ends the process's readiness, not silently."""
    try:
        await work
    except Exception:
        logger.critical("the %s of this process has stopped", name, exc_info=True)
        raise
