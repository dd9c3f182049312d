"""A server process ends, whatever its background loops do."""

import asyncio
from contextlib import suppress

import pytest

from realtime.process import Process
from tests.realtime.waiting import soon

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


async def test_a_loop_that_swallows_its_cancellation_does_not_keep_the_process() -> None:
    """On Python 3.11 redis-py does that once in some hundred times: a server then never ended after SIGTERM."""
    process = await Process.started()

    async def deaf() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    stubborn = asyncio.create_task(deaf())
    await asyncio.sleep(0)  # it waits now
    process._tasks["stubborn"] = stubborn
    await soon(process.stop())
    assert stubborn.cancelled()
