"""Cancellation, fairness, and an end that is bounded."""

import asyncio
import time
from typing import Any

import pytest

from realtime.process import Process
from realtime.publishing import Push, publish
from realtime.writers import Reader
from tests.lab.events import Tick
from tests.lab.rooms import LabRoom
from tests.realtime.waiting import soon, until

pytestmark = [pytest.mark.asyncio]


@pytest.mark.parametrize("first", ["stop", "cancel"])
async def test_a_cancellation_beside_a_stop_is_not_swallowed(first: str) -> None:
    queue: asyncio.Queue[Any] = asyncio.Queue()
    reader = Reader(queue.get)

    async def read() -> str:
        await reader.next()
        await asyncio.sleep(1)
        return "went on"

    task = asyncio.create_task(read())
    await asyncio.sleep(0)
    for what in (("stop", "cancel") if first == "stop" else ("cancel", "stop")):
        if what == "stop":
            reader.stop()
        else:
            task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_stop_alone_leaves_no_trace() -> None:
    queue: asyncio.Queue[Any] = asyncio.Queue()
    reader = Reader(queue.get)
    result: list[Any] = []

    async def read() -> None:
        result.append(await reader.next())
        result.append(asyncio.current_task().cancelling())  # type: ignore[union-attr]
        async with asyncio.timeout(1):
            await asyncio.sleep(0)
        result.append(await reader.next())

    task = asyncio.create_task(read())
    await asyncio.sleep(0)
    queue.put_nowait({})
    reader.stop()
    await task
    assert result in ([None, 0, None], [{}, 0, None])


@pytest.mark.django_db(transaction=True)
async def test_a_burst_does_not_keep_the_loop_from_everybody_else(process: Process) -> None:
    """All that was read at once is fanned out in one turn: nothing else is read, no timer fires meanwhile."""

    class Listener:
        """A session as the hub sees it."""

        def __init__(self, number: int) -> None:
            from realtime.transports.plain import PLAIN

            self.codec = PLAIN
            self.user = type("User", (), {"id": str(number)})()

        def hear(self, frame: Any, number: int, *, is_logged: bool) -> None:
            frame.wire[:1]

    room = LabRoom("burst")
    process.hub._rooms[room.address] = {Listener(n) for n in range(500)}  # type: ignore[misc]
    process.hub._subscribed[room.address] = 0
    await process.layer.group_add(f"x{0}", process.hub._channel)
    from realtime.couriers import message

    publication = Push(room, Tick(number=1)).publication()
    for _ in range(3000):
        process.layer._queue(process.hub._channel).put_nowait(message(publication))  # type: ignore[attr-defined]
    longest, last = 0.0, time.monotonic()
    while process.layer._queue(process.hub._channel).qsize():  # type: ignore[attr-defined]
        await asyncio.sleep(0)
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    process.hub._rooms.clear()
    assert longest < 0.1, f"the loop stood still for {longest:.2f} s"


@pytest.mark.django_db(transaction=True)
async def test_the_end_is_bounded_though_many_have_to_be_told_offline(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """`Server`: "All of it takes `drain_timeout` at most." The lifespan's end has no bound at all."""
    settings.REALTIME = {**settings.REALTIME, "DRAIN_TIMEOUT": 1}

    def slow(user: str, online: bool) -> Any:
        time.sleep(0.03)  # a friends' list, a few notifications
        return ()

    process = await Process.started()
    for number in range(300):
        await process.presence.connect(str(number), "device")
    await until(lambda: not process.announcer._pending)
    monkeypatch.setattr("realtime.presence.presence_listeners", {"slow": slow})
    began = time.monotonic()
    await process.stop()
    assert time.monotonic() - began < 5
