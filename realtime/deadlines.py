"""What a connection has begun and somebody has to end: after a time, or with the connection."""

import asyncio
import logging
from collections.abc import Callable, Hashable
from typing import NamedTuple

from realtime import database

logger = logging.getLogger(__name__)

Action = Callable[[], object]


class _Waiting(NamedTuple):
    action: Action
    until: float | None  # by the loop's clock; None: as long as the connection lasts
    grace: float  # seconds that it waits for a connection that has gone
    timer: asyncio.TimerHandle | None


def nothing() -> None:
    """What follows where nobody wants to know."""


class Deadlines:
    """Actions by key, each run once in a database thread. On the loop."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, _Waiting] = {}
        self._running: set[asyncio.Task[None]] = set()
        self.on_idle = nothing  # nothing waits any more

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def set(self, key: Hashable, seconds: float | None, action: Action | None, *, grace: float = 0) -> None:
        """Run the action in so many seconds, instead of one that waits under this key; None: neither of them.

        It runs when the connection ends, too, or with a `grace` so long after that, if nobody resumes the session.
        Without `seconds` only then.
        """
        if (waiting := self._waiting.pop(key, None)) is not None and waiting.timer is not None:
            waiting.timer.cancel()
        if action is None:
            return
        until = None if seconds is None else asyncio.get_running_loop().time() + seconds
        self._wait(key, _Waiting(action, until, grace, None), until)

    def _wait(self, key: Hashable, waiting: _Waiting, until: float | None) -> None:
        if waiting.timer is not None:
            waiting.timer.cancel()
        timer = None if until is None else asyncio.get_running_loop().call_at(until, self._start, key)
        self._waiting[key] = waiting._replace(timer=timer)

    def _start(self, key: Hashable) -> None:
        waiting = self._waiting.pop(key)
        if waiting.timer is not None:
            waiting.timer.cancel()
        task = asyncio.create_task(_run(waiting.action), name="deadline")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        if not self._waiting:
            self.on_idle()

    def linger(self) -> None:
        """The connection has gone, and may come back."""
        now = asyncio.get_running_loop().time()
        for key, waiting in list(self._waiting.items()):
            if waiting.grace:
                until = now + waiting.grace
                self._wait(key, waiting, until if waiting.until is None else min(until, waiting.until))
            else:
                self._start(key)

    def go_on(self) -> None:
        """It has come back."""
        for key, waiting in list(self._waiting.items()):
            self._wait(key, waiting, waiting.until)

    async def ended(self) -> None:
        """Return when what runs has been run."""
        if self._running:
            await asyncio.wait(self._running)

    async def end(self) -> None:
        """Run all that waits, now; returns when it has been run."""
        for key in list(self._waiting):
            self._start(key)
        await self.ended()


class Lingering:
    """The deadlines of connections that have gone, by the key under which their sessions can be resumed."""

    def __init__(self) -> None:
        self._deadlines: dict[str, Deadlines] = {}

    def leave(self, key: str, deadlines: Deadlines) -> Deadlines:
        """The connection has gone, or is about to; what it begins from now on is in those that are returned."""
        deadlines.linger()
        if not deadlines.is_idle:
            self._deadlines[key] = deadlines
            deadlines.on_idle = lambda: self._forget(key, deadlines)
        return Deadlines()

    async def part(self, key: str | None, deadlines: Deadlines) -> None:
        """The connection has gone, without a key for good; returns when all has run that does not wait for it."""
        if key is None:
            await deadlines.end()
        else:
            self.leave(key, deadlines)
            await deadlines.ended()

    def _forget(self, key: str, deadlines: Deadlines) -> None:
        if self._deadlines.get(key) is deadlines:
            del self._deadlines[key]

    def come_back(self, key: str) -> Deadlines | None:
        """What another connection that resumes the session has to keep, if anything."""
        deadlines = self._deadlines.pop(key, None)
        if deadlines is not None:
            deadlines.on_idle = nothing
            deadlines.go_on()
        return deadlines

    async def end(self) -> None:
        """The process ends: nobody comes back to it."""
        await asyncio.gather(*[deadlines.end() for deadlines in self._deadlines.values()])


async def _run(action: Action) -> None:
    try:
        await database.run(action)
    except Exception:
        logger.exception("what a connection had begun could not be ended")
