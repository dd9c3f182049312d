"""Whoever writes is not held up, and whoever is cut off hears why."""

import asyncio
from typing import Any

import pytest

from realtime.errors import Close
from realtime.outbound import Frame
from realtime.transports.engineio.contracts import Handler
from realtime.transports.engineio.packets import Packet
from realtime.transports.engineio.session import EngineSession
from realtime.writers import StepWriter
from tests.realtime.waiting import until

pytestmark = pytest.mark.asyncio


class Line:
    """A WebSocket whose client does not read."""

    def __init__(self) -> None:
        self.cuts: list[tuple[int, str]] = []

    def write(self, frame: Frame) -> bool:
        return False

    def finish(self, code: int, reason: str) -> None: ...

    def cut(self, code: int, reason: str) -> None:
        self.cuts.append((code, reason))


class Nobody(Handler):
    async def on_message(self, message: Packet) -> None: ...

    def on_close(self, reason: str) -> None: ...


async def test_who_is_too_slow_for_its_farewell_gets_the_code_of_it_still() -> None:
    session = EngineSession({}, {}, lambda _: None)
    session.open(Nobody())
    line = Line()
    session.use(line, Frame.of("0"))
    session.write(Frame.of("4x"))
    session.close(Close.SLOW_CONSUMER, "later")
    session.abort("forced close")  # as after LINGER
    assert line.cuts == [(Close.SLOW_CONSUMER, "later")]


@pytest.mark.parametrize("server", ["uvicorn.somewhere", "a.middleware"])
async def test_a_writer_that_is_aborted_in_the_middle_of_a_frame_still_closes_and_leaves_no_task(server: str) -> None:
    happened: list[Any] = []

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "websocket.close":
            happened.append(message["code"])
            return
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            happened.append("cancelled")
            raise

    send.__module__ = server
    writer = StepWriter(send)
    writer.write(Frame.of("x", "y"))
    await asyncio.sleep(0)
    writer.abort(Close.SLOW_CONSUMER, "slow")
    await writer.closed(10)
    assert happened == ["cancelled", Close.SLOW_CONSUMER]
    writer.stop()
    await until(lambda: len(asyncio.all_tasks()) == 1)


async def test_a_middleware_that_bounds_send_ends_no_one_but_itself() -> None:
    reads = asyncio.Event()
    sent: list[str] = []

    async def send(message: dict[str, Any]) -> None:
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()

    async def read(message: dict[str, Any]) -> None:
        sent.append(message["text"])
        reads.set()

    over: list[bool] = []
    slow, quick = StepWriter(send), StepWriter(read)
    slow.on_over = lambda: over.append(True)

    async def tell() -> None:  # as the hub does
        slow.write(Frame.of("x"))
        await until(lambda: bool(over))
        quick.write(Frame.of("y"))
        await reads.wait()

    await asyncio.create_task(tell())
    assert sent == ["y"]


async def test_a_writer_that_is_stopped_before_its_first_frame_was_begun_leaves_nothing_behind() -> None:
    sent: list[Any] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    writer = StepWriter(send)
    assert not writer.write(Frame.of("x"))
    writer.stop()
    await until(lambda: len(asyncio.all_tasks()) == 1)
    assert not sent
