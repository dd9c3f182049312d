"""Cancellation, fairness, and an end that nobody holds up."""

import asyncio
import threading
from typing import Any

import pytest

from realtime import process as processes
from realtime.couriers import message
from realtime.process import Process
from realtime.publications import EVERY_PROCESS
from realtime.publishing import Push
from realtime.writers import Reader
from tests.lab.events import Noted
from tests.lab.rooms import LabRoom
from tests.realtime.waiting import soon, until

pytestmark = pytest.mark.asyncio
Queue = asyncio.Queue[dict[str, Any]]


@pytest.mark.parametrize("order", [("stop", "cancel"), ("cancel", "stop")])
async def test_a_cancellation_beside_a_stop_is_not_swallowed(order: tuple[str, ...]) -> None:
    reader = Reader(Queue().get)

    async def read() -> None:
        await reader.next()
        await asyncio.sleep(0)

    task = asyncio.create_task(read())
    await asyncio.sleep(0)
    for what in order:
        if what == "stop":
            reader.stop()
        else:
            task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_stop_alone_leaves_no_cancellation_behind() -> None:
    queue = Queue()
    reader = Reader(queue.get)

    async def read() -> list[Any]:
        first = await reader.next()
        task = asyncio.current_task()
        assert task is not None
        cancellations = task.cancelling()
        await asyncio.sleep(0)  # it is not cancelled here
        return [first, cancellations, await reader.next()]

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    queue.put_nowait({})
    reader.stop()
    assert await soon(reading) in ([None, 0, None], [{}, 0, None])


@pytest.mark.django_db(transaction=True)
async def test_a_burst_leaves_everybody_else_their_turns(process: Process) -> None:
    room = LabRoom("burst")
    first = process.log.number
    publication = Push(room, Noted(number=1)).publication()
    assert publication is not None
    told = message(publication)
    for _ in range(3000):
        await process.layer.group_send(EVERY_PROCESS, told)
    assert process.log.number == first
    turns = 0
    while process.log.number < first + 3000:
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 100


@pytest.mark.django_db(transaction=True)
async def test_a_process_ends_though_it_takes_long_to_tell_who_goes_with_it(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "FAREWELLS_TIMEOUT", 0.5)
    process = await Process.started()
    await process.presence.connect("1", "device")
    await until(lambda: not process.announcer.is_telling("1"))
    began, ended = threading.Event(), threading.Event()

    def slow(user: str, is_online: bool) -> tuple[()]:
        began.set()
        ended.wait(60)
        return ()

    monkeypatch.setattr("realtime.presence.presence_listeners", {"slow": slow})
    try:
        await soon(process.stop())
    finally:
        ended.set()
    assert began.is_set()
