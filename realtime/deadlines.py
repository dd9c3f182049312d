"""What a connection has begun and somebody has to end: after a time, or with the connection."""

import asyncio
import logging
from collections.abc import Callable, Hashable

from realtime import database

logger = logging.getLogger(__name__)

Action = Callable[[], object]


class Deadlines:
    """Actions by key, each run once in a database thread. On the loop."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, tuple[asyncio.TimerHandle, Action]] = {}
        self._running: set[asyncio.Task[None]] = set()

    def set(self, key: Hashable, seconds: float, action: Action | None) -> None:
        """Run the action in so many seconds, instead of one that waits under this key; None: neither of them."""
        if (waiting := self._waiting.pop(key, None)) is not None:
            waiting[0].cancel()
        if action is None:
            return
        timer = asyncio.get_running_loop().call_later(seconds, self._start, key)
        self._waiting[key] = timer, action

    def _start(self, key: Hashable) -> None:
        timer, action = self._waiting.pop(key)
        timer.cancel()
        task = asyncio.create_task(_run(action), name="deadline")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def end(self) -> None:
        """Run all that waits, now; returns when it has been run."""
        for key in list(self._waiting):
            self._start(key)
        if self._running:
            await asyncio.wait(self._running)


async def _run(action: Action) -> None:
    try:
        await database.run(action)
    except Exception:
        logger.exception("what a connection had begun could not be ended")
