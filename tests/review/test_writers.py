"""The steps of `send`, and the codes of the end."""

import asyncio
import contextlib
from typing import Any

import pytest

from realtime.errors import Close
from realtime.outbound import Frame, Outbound
from realtime.transports.engineio.session import EngineSession
from realtime.writers import StepWriter

pytestmark = pytest.mark.asyncio


async def test_a_send_that_bounds_itself_does_not_cancel_who_wrote() -> None:
    """Any ASGI middleware may say `async with asyncio.timeout()`: the task it sees is the hub's."""

    async def send(message: dict[str, Any]) -> None:
        async with asyncio.timeout(0.05):
            await asyncio.sleep(10)  # a client that does not read

    outbound = Outbound(StepWriter(send), limit=10_000, on_overflow=lambda: None)

    async def hub() -> str:
        outbound.write(Frame.of("x"))
        await asyncio.sleep(0.2)
        return "lives"

    task = asyncio.create_task(hub())
    await asyncio.wait([task])
    assert not task.cancelled(), "the hub has been cancelled by one client's time-out"
    outbound.stop()


async def test_a_send_that_bounds_itself_works_outside_of_tasks() -> None:
    """A heartbeat, an expiry, a drain step write from a timer."""
    sent: list[Any] = []

    async def send(message: dict[str, Any]) -> None:
        async with asyncio.timeout(5):
            sent.append(message["text"])

    outbound = Outbound(StepWriter(send), limit=10_000, on_overflow=lambda: None)
    asyncio.get_running_loop().call_soon(outbound.write, Frame.of("x"))
    await asyncio.sleep(0.02)
    assert sent == ["x"]


class Line:
    def __init__(self) -> None:
        self.cuts: list[Any] = []

    def write(self, frame: Frame) -> bool:
        return False

    def finish(self, code: int, reason: str) -> None: ...

    def cut(self, code: int, reason: str) -> None:
        self.cuts.append((code, reason))


class Nobody:
    async def on_message(self, message: Any) -> None: ...

    def on_close(self, reason: str) -> None: ...


async def test_who_is_too_slow_for_its_farewell_hears_the_code_of_it_still() -> None:
    session = EngineSession({}, {}, lambda _: None)
    session.open(Nobody())
    line = Line()
    session.use(line, Frame.of("0"))
    session.write(Frame.of("4x"))
    session.close(Close.SLOW_CONSUMER, "later")
    session.abort("forced close")  # LINGER has passed
    assert line.cuts[0][0] == Close.SLOW_CONSUMER


async def test_a_step_writer_cancelled_and_stopped_at_once_leaves_nothing() -> None:
    gate = asyncio.Event()
    closed: list[Any] = []

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "websocket.close":
            closed.append(message["code"])
            return
        try:
            await gate.wait()
        except asyncio.CancelledError:
            closed.append("cancelled")
            raise

    writer = StepWriter(send)
    writer.write(Frame.of("x", "y"))
    writer.abort(1013, "slow")
    await writer.closed(1)
    assert closed[-1] == 1013
    writer.stop()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1
