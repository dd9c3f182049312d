"""The end of a token, on a live connection."""

import asyncio
import math
import time
from collections.abc import Callable

from realtime.conf import conf
from realtime.events import DROPPABLE, Event


class AuthExpiring(Event, wire="auth.expiring", policy=DROPPABLE):
    """The token ends soon: send `auth` with a new one."""

    expires_at: str


class Expiry:
    """Calls `warn` `expiry_warning` seconds before the end, and `expire` at the end."""

    def __init__(self, warn: Callable[[], None], expire: Callable[[], None]) -> None:
        self._warn, self._expire = warn, expire
        self._timers: list[asyncio.TimerHandle] = []

    def watch(self, expires_at: float) -> None:
        """From here on it is this end (Unix seconds; infinity for none)."""
        self.cancel()
        if expires_at == math.inf:
            return
        loop, left = asyncio.get_running_loop(), expires_at - time.time()
        self._timers = [
            loop.call_later(max(0.0, left - conf().expiry_warning), self._warn),
            loop.call_later(max(0.0, left), self._expire),
        ]

    def cancel(self) -> None:
        """There is nothing to watch any more."""
        for timer in self._timers:
            timer.cancel()
        self._timers = []
