"""A connection's queue: in order, bounded, shed by value, and closed with the right code."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from realtime.outbound import JOINED, OVERHEAD, Backlog, Frame, Outbound, join
from realtime.writers import StepWriter
from tests.realtime.waiting import soon, until

pytestmark = pytest.mark.asyncio


class Line:
    """The network to one client."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.error: Exception | None = None
        self.overflows = 0

    async def send(self, message: dict[str, Any]) -> None:
        await self.reads.wait()
        if self.error is not None:
            raise self.error
        self.got.append(message.get("text", message.get("code")))

    def overflow(self) -> None:
        self.overflows += 1


@pytest.fixture
def line() -> Line:
    return Line()


@pytest_asyncio.fixture(params=["uvicorn.somewhere", "a.middleware"])
async def queue(line: Line, request: pytest.FixtureRequest) -> AsyncIterator[Callable[..., Outbound]]:
    """`queue(limit)`: an outbound onto the line, whose `send` is a server's own or another."""
    made: list[Outbound] = []

    async def send(message: dict[str, Any]) -> None:
        await line.send(message)

    send.__module__ = request.param

    def make(limit: int = 100_000) -> Outbound:
        made.append(Outbound(StepWriter(send), limit=limit, on_overflow=line.overflow))
        return made[-1]

    yield make
    for outbound in made:
        outbound.stop()


def texts(*numbers: int) -> list[str]:
    return [str(number) for number in numbers]


async def test_frames_go_out_in_order(queue: Callable[..., Outbound], line: Line) -> None:
    outbound = queue()
    for text in texts(*range(100)):
        outbound.write(Frame.of(text))
    await until(lambda: len(line.got) == 100)
    assert line.got == texts(*range(100))


async def test_writing_never_waits_for_the_reader(queue: Callable[..., Outbound], line: Line) -> None:
    outbound = queue()
    line.reads.clear()
    for text in texts(*range(100)):
        outbound.write(Frame.of(text))
    assert line.got == []
    line.reads.set()
    await until(lambda: len(line.got) == 100)


async def test_frames_that_are_joined_are_written_at_once_and_as_they_are() -> None:
    first, second = Frame.of("a" * 200), Frame.of("b", b"c")
    (frame,) = join((first, second))
    assert frame.parts == ("a" * 200, "b", b"c")
    assert frame.wire == first.wire + second.wire
    assert frame.size == first.size + second.size


async def test_what_is_too_much_for_one_write_is_not_joined() -> None:
    frames = (Frame.of("a" * JOINED), Frame.of("b"))
    assert join(frames) == frames
    assert join(frames[1:]) == frames[1:]


async def test_where_something_waits_already_joined_frames_wait_by_themselves(
    queue: Callable[..., Outbound], line: Line
) -> None:
    gauge = [Frame((f"gauge {number}",), kind="gauge") for number in range(3)]
    outbound = queue()
    line.reads.clear()
    outbound.write(Frame.of("first"))
    outbound.write(gauge[0])
    for frame in join((gauge[1], Frame.of("note"), gauge[2])):
        outbound.write(frame)
    line.reads.set()
    await until(lambda: len(line.got) == 3)
    assert line.got == ["first", "note", "gauge 2"]


async def test_over_half_of_the_queue_what_may_be_dropped_is(queue: Callable[..., Outbound], line: Line) -> None:
    frame = OVERHEAD + 1
    outbound = queue(limit=10 * frame)
    line.reads.clear()
    for number in range(6):  # the first of them is under way
        outbound.write(Frame.of(str(number), is_droppable=True))
    outbound.write(Frame.of("6", is_droppable=True))
    outbound.write(Frame.of("7"))
    outbound.write(Frame.of("8", is_droppable=True))
    line.reads.set()
    await until(lambda: len(line.got) == 7)
    outbound.write(Frame.of("9", is_droppable=True))  # there is room again
    await until(lambda: len(line.got) == 8)
    assert line.got == texts(0, 1, 2, 3, 4, 5, 7, 9)
    assert line.overflows == 0


async def test_what_may_be_dropped_goes_before_a_reader_is_cut(queue: Callable[..., Outbound], line: Line) -> None:
    outbound = queue(limit=10 * (OVERHEAD + 1))
    line.reads.clear()
    outbound.write(Frame.of("0"))
    for number in range(1, 5):
        outbound.write(Frame.of(str(number), is_droppable=True))
    for _ in range(10):
        outbound.write(Frame.of("5"))
    assert line.overflows == 0
    line.reads.set()
    await until(lambda: len(line.got) == 11)
    assert line.got == ["0", *["5"] * 10]


async def test_of_a_kind_only_the_latest_waits(queue: Callable[..., Outbound], line: Line) -> None:
    outbound = queue(limit=3 * (OVERHEAD + 5))
    line.reads.clear()
    outbound.write(Frame.of("first"))
    outbound.write(Frame.of("told"))
    for number in range(1000):
        outbound.write(Frame((str(number),), kind="progress"))
    assert line.overflows == 0
    line.reads.set()
    await until(lambda: len(line.got) == 3)
    assert line.got == ["first", "told", "999"]


async def test_the_size_of_what_was_replaced_counts_no_more() -> None:
    backlog = Backlog(2 * (OVERHEAD + 10))
    assert backlog.add(Frame(("x" * 10,), kind=1))
    assert backlog.add(Frame(("y",), kind=1))
    assert backlog.add(Frame.of("z" * 10))
    assert [backlog.take().parts, backlog.take().parts] == [("y",), ("z" * 10,)]
    assert (len(backlog), backlog._size) == (0, 0)


async def test_over_the_limit_the_queue_is_thrown_away_and_told_once(
    queue: Callable[..., Outbound], line: Line
) -> None:
    outbound = queue(limit=10 * (OVERHEAD + 1))
    line.reads.clear()
    for number in range(30):
        outbound.write(Frame.of(str(number % 10)))
    assert line.overflows == 1
    assert outbound.is_closed
    assert len(outbound._backlog) == 0


async def test_a_queue_that_is_read_never_overflows(queue: Callable[..., Outbound], line: Line) -> None:
    outbound = queue(limit=3 * (OVERHEAD + 10))
    for number in range(200):
        outbound.write(Frame.of(str(number)))
        await until(lambda number=number: len(line.got) == number + 1)  # type: ignore[misc]
    assert line.overflows == 0


async def test_closing_writes_all_that_waits_then_the_farewell_and_the_code(
    queue: Callable[..., Outbound], line: Line
) -> None:
    outbound = queue()
    line.reads.clear()
    outbound.write(Frame.of("1"))
    outbound.close(4401, "why", farewell=Frame.of("bye"))
    outbound.close(1001, "again")
    outbound.write(Frame.of("2"))
    line.reads.set()
    await soon(outbound.closed(10))
    assert line.got == ["1", "bye", 4401]


async def test_closing_is_not_waited_for_longer_than_said(queue: Callable[..., Outbound], line: Line) -> None:
    outbound = queue()
    await soon(outbound.closed(10))  # it is not closing: nothing to wait for
    line.reads.clear()
    outbound.close(1001)
    await soon(outbound.closed(0.01))
    assert line.got == []


async def test_a_client_that_has_gone_ends_the_queue_quietly(
    queue: Callable[..., Outbound], line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    outbound = queue()
    line.error = ConnectionResetError()
    for text in ("1", "2"):
        outbound.write(Frame.of(text))
    outbound.close(1001)
    await soon(outbound.closed(10))
    assert line.got == []
    assert [record for record in caplog.records if record.levelname != "DEBUG"] == []


# -- defects ------------------------------------------------------------------------------------------


async def test_a_frame_is_as_big_as_its_bytes() -> None:
    assert Frame.of("😀" * 100).size == 400 + OVERHEAD
