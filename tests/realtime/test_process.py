"""A server process ends, whatever its background loops do."""

import asyncio
import threading
from contextlib import suppress

import pytest

from realtime.deadlines import Deadlines
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


async def test_what_connections_have_begun_does_not_keep_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the end, by which nothing durable is lost, has its turn though the database hangs."""
    monkeypatch.setattr("realtime.process.FAREWELLS_TIMEOUT", 0.05)
    process, gate, ended = await Process.started(), threading.Event(), asyncio.Event()
    deadlines = Deadlines()
    deadlines.set("call", 60, lambda: gate.wait(30), grace=60)
    process.lingering.leave("key", deadlines)
    close_layer = process._close_layer

    async def close() -> None:
        await close_layer()
        ended.set()

    monkeypatch.setattr(process, "_close_layer", close)
    stopping = asyncio.create_task(process.stop())
    await soon(ended.wait())
    assert not gate.is_set()
    gate.set()
    await soon(stopping)
