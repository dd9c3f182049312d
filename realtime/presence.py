"""Who is here: the first device that comes, and the last one that stays away for the grace."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final, Protocol

from django.db import InterfaceError, OperationalError
from django.dispatch import Signal
from redis.exceptions import RedisError

from realtime import database
from realtime.conf import conf
from realtime.publishing import publish
from realtime.signals import PresenceListener, presence_listeners

logger = logging.getLogger(__name__)

RETRY: Final = 1.0  # seconds until a database that was away is tried again

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

    def everybody(self) -> set[str]:
        """The ids of all who are online. From any thread, not from the loop."""

    def sockets(self, user: str) -> set[str]:
        """The ids of the user's connections, on all processes. From any thread, not from the loop."""

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


def known_online(users: Iterable[str]) -> set[str] | None:
    """Those of the users who are online; None if Redis is away, or this is no server: then ask the database."""
    try:
        return None if _backend is None else online_users(users)
    except RedisError as error:
        logger.warning("who is online is not known: %r", error)
        return None


def describe(user: str, **described: Any) -> None:
    """Say to other services, at `presence:{id}` in Redis, what the user is; nothing without Redis.

    In a thread, in any process, after the commit. It stays for an hour after the last sign of life.
    """
    if conf().redis_url:
        from realtime import presence_redis  # noqa: PLC0415 -- no redis without REDIS_URL

        presence_redis.describe(conf().redis_url, user, described)


class Announcer:
    """Calls the `@on_presence` generators, one change after the other; of one user only the last counts."""

    def __init__(self) -> None:
        self._pending: dict[str, bool] = {}
        self._wake = asyncio.Event()
        self._telling = asyncio.Lock()
        self._told: str | None = None  # who is being told of right now
        self.online: Callable[[Collection[str]], set[str]] | None = None  # the backend's, which sets it

    def announce(self, user: str, *, online: bool) -> None:
        """Tell, soon."""
        self._pending[user] = online
        self._wake.set()

    def is_telling(self, user: str) -> bool:
        """Whether anything of the user has yet to be told."""
        return user in self._pending or user == self._told

    async def run(self) -> None:
        """Tell what is to be told, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if not await self.flush():
                await asyncio.sleep(RETRY)
                self._wake.set()

    async def flush(self) -> bool:
        """Tell what is to be told; False if the database is away, and it must be told later."""
        async with self._telling:
            while self._pending:
                user, online = next(iter(self._pending.items()))
                del self._pending[user]
                self._told = user
                try:
                    await database.run(self._tell, user, online)
                except (OperationalError, InterfaceError) as error:
                    logger.warning("presence waits for the database: %r", error)
                    self._pending.setdefault(user, online)
                    return False
                finally:
                    self._told = None
        return True

    def _tell(self, user: str, online: bool) -> None:
        if self._is_outdated(user, online):
            return
        for listener in presence_listeners.values():
            self._call(listener, user, online)

    def _is_outdated(self, user: str, online: bool) -> bool:
        """Whether the user has come or gone since; then another announcement is, or was, on its way."""
        try:
            return self.online is not None and (user in self.online([user])) != online
        except RedisError:
            return False

    @staticmethod
    def _call(listener: PresenceListener, user: str, online: bool) -> None:
        try:
            publish(*listener(user, online))
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            # One app's trouble must not keep the others, or the next users, from being told.
            logger.exception("a presence listener failed", extra={"user": user, "online": online})
