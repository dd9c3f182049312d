"""The background worker beside the server: started, started again if it dies, and ended."""

import asyncio
import contextlib
import logging
import sys
from asyncio.subprocess import PIPE, Process
from typing import Final

from django.conf import settings

logger = logging.getLogger(__name__)

PATIENCE: Final = 10.0  # seconds for the task in hand to be finished
FIRST_DELAY: Final = 1.0  # seconds before a dead worker's successor, doubled each time
LONGEST_DELAY: Final = 30.0


class Worker:
    """A child process that is there from `start` to `stop`."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Keep one running from now on."""
        self._keeper = asyncio.create_task(self._keep(), name="worker")

    async def stop(self) -> None:
        """Let it finish its task, or end it after `PATIENCE`."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if self._process is not None:
            await _end(self._process)

    async def _keep(self) -> None:
        delay = FIRST_DELAY
        while True:
            self._process = await _spawn()
            code = await self._process.wait()
            logger.error("the background worker ended with code %s; another starts in %g s", code, delay)
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY)


async def _spawn() -> Process:
    # A session of its own: Ctrl-C in the terminal would reach it a second time, which cuts its task off.
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "web.worker_process", cwd=settings.BASE_DIR, stdin=PIPE, start_new_session=True
    )


async def _end(process: Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(PATIENCE):
            await process.wait()
    except TimeoutError:
        logger.error("the background worker did not finish its task in %g s", PATIENCE)
        process.kill()
        await process.wait()
