"""Presence within the one server process."""

import asyncio
import contextlib
from collections.abc import Collection

from realtime import database
from realtime.conf import conf
from realtime.presence import Announcer, presence_reset


class MemoryPresence:
    """Counts devices; a timer for each user whose last one has gone."""

    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer
        announcer.online = self.online
        self._devices: dict[str, set[str]] = {}
        self._leaving: dict[str, asyncio.TimerHandle] = {}

    async def connect(self, user: str, connection: str) -> None:
        """A device has come."""
        is_known = user in self._devices
        self._devices.setdefault(user, set()).add(connection)
        if (timer := self._leaving.pop(user, None)) is not None:
            timer.cancel()
        if not is_known:
            self._announcer.announce(user, online=True)

    async def disconnect(self, user: str, connection: str) -> None:
        """A device has gone, or never came."""
        devices = self._devices.get(user, set())
        if connection in devices:
            devices.discard(connection)
            if not devices:
                loop = asyncio.get_running_loop()
                self._leaving[user] = loop.call_later(conf().offline_grace, self._leave, user)

    def _leave(self, user: str) -> None:
        self._leaving.pop(user, None)
        self._devices.pop(user, None)
        self._announcer.announce(user, online=False)

    def online(self, users: Collection[str]) -> set[str]:
        """Those of the users who are online, in the grace too."""
        return {user for user in users if user in self._devices}

    def count(self) -> int:
        """How many users are online."""
        return len(self._devices)

    def everybody(self) -> set[str]:
        """The ids of all who are online."""
        return set(self._devices)

    def sockets(self, user: str) -> set[str]:
        """The ids of the user's connections."""
        return set(self._devices.get(user, ()))

    async def run(self) -> None:
        """Whoever was online when a process was killed is not any more."""
        await database.run(lambda: presence_reset.send(MemoryPresence))

    async def close(self) -> None:
        """The only server ends: nobody is online any more, and nobody waits for the grace."""
        for timer in self._leaving.values():
            with contextlib.suppress(RuntimeError):
                timer.cancel()
        for user in list(self._devices):
            self._leave(user)
        await self._announcer.flush()
