"""Who is here: the first device that comes, and the last one that stays away for the grace."""

import asyncio
import logging
from collections.abc import Collection, Iterable
from typing import Final, Protocol

from django.dispatch import Signal

from realtime import database
from realtime.publishing import publish
from realtime.signals import PresenceListener, presence_listeners

logger = logging.getLogger(__name__)

presence_reset: Final = Signal()
"""Sent in a database thread when the only server process starts: nobody can be online yet."""


class Presence(Protocol):
    """What a backend promises. A user is online from the first device on until the last has been away
    for `offline_grace` seconds; each of the two is announced once, by one process.
    """

    async def connect(self, user: str, connection: str) -> None:
        """A device has come."""

    async def disconnect(self, user: str, connection: str) -> None:
        """A device has gone, or never came."""

    def online(self, users: Collection[str]) -> set[str]:
        """Those of the users who are online. From any thread, not from the loop."""

    def count(self) -> int:
        """How many users are online. From any thread, not from the loop."""

    async def run(self) -> None:
        """Do what has to be done from time to time, for ever."""

    async def close(self) -> None:
        """The process ends."""


_backend: Presence | None = None


def set_backend(backend: Presence | None) -> None:
    """Which presence this process can ask; None when its server has ended."""
    global _backend  # noqa: PLW0603 -- one a process, like the loop it belongs to
    _backend = backend


def backend() -> Presence:
    """The server's own; RuntimeError in any other process."""
    if _backend is not None:
        return _backend
    raise RuntimeError("Only a server process knows who is online; others read is_online in the database.")


def online_users(users: Iterable[str]) -> set[str]:
    """Those of the users who are online. In a database thread of a server."""
    return backend().online(set(users))


def online_count() -> int:
    """How many users are online. In a database thread of a server."""
    return backend().count()


class Announcer:
    """Calls the `@on_presence` generators, one change after the other; of one user only the last counts."""

    def __init__(self) -> None:
        self._pending: dict[str, bool] = {}
        self._wake = asyncio.Event()

    def announce(self, user: str, *, online: bool) -> None:
        """Tell, soon."""
        self._pending[user] = online
        self._wake.set()

    async def run(self) -> None:
        """Tell what is to be told, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.flush()

    async def flush(self) -> None:
        """Tell what is to be told."""
        while self._pending:
            user = next(iter(self._pending))
            online = self._pending.pop(user)
            for listener in presence_listeners.values():
                await self._call(listener, user, online)

    @staticmethod
    async def _call(listener: PresenceListener, user: str, online: bool) -> None:
        try:
            await database.run(lambda: publish(*listener(user, online)))
        except Exception:
            # One app's trouble must not keep the others, or the next users, from being told.
            logger.exception("a presence listener failed", extra={"user": user, "online": online})
