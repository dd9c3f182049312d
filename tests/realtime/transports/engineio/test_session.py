"""The state machine of a session, on a line of the test's own."""

import asyncio
import logging
from collections.abc import Callable

import pytest
import pytest_asyncio

from realtime.errors import ClientError, Close
from realtime.outbound import OVERHEAD, Frame, join
from realtime.transports.engineio.heartbeat import Heartbeat
from realtime.transports.engineio.packets import MalformedError, Packet
from realtime.transports.engineio.session import EngineSession
from tests.realtime.transports.engineio.wires import Layer, frame
from tests.realtime.waiting import soon, until

pytestmark = pytest.mark.asyncio


class Line:
    """A WebSocket in the place of one."""

    def __init__(self, session: EngineSession) -> None:
        self.session = session
        self.packets: list[Packet] = []
        self.end: tuple[int, str] | None = None
        self.is_slow = False

    def write(self, frame: Frame) -> bool:
        self.packets.extend(frame.parts)
        return not self.is_slow

    def finish(self, code: int, reason: str) -> None:
        self.cut(code, reason)

    def cut(self, code: int, reason: str) -> None:
        self.end = (code, reason)
        self.session.told()


forgotten: list[str] = []


@pytest_asyncio.fixture
async def session() -> EngineSession:
    forgotten.clear()
    return EngineSession({"type": "http"}, {"EIO": "4"}, forgotten.append)


@pytest_asyncio.fixture
async def layer(session: EngineSession) -> Layer:
    layer = Layer(session)
    session.open(layer)
    return layer


async def test_ids_are_secret_and_differ() -> None:
    ids = {EngineSession({}, {}, forgotten.append).id for _ in range(100)}
    assert len(ids) == 100
    assert {len(identifier) for identifier in ids} == {20}


async def test_a_session_carries_nothing_beside_its_slots(session: EngineSession) -> None:
    assert not hasattr(session, "__dict__")


# -- polling ------------------------------------------------------------------------------------


async def test_what_is_queued_answers_the_next_poll_in_order(session: EngineSession, layer: Layer) -> None:
    for number in range(300):
        session.write(frame(str(number)))
    assert session.begin_poll().done()
    assert session.end_poll() == [f"4{number}" for number in range(300)]


async def test_a_poll_waits_until_there_is_something(session: EngineSession, layer: Layer) -> None:
    poll = session.begin_poll()
    assert not poll.done()
    session.write(frame("news"))
    session.write(frame(b"\x00"))
    assert poll.done()
    assert session.end_poll() == ["4news", b"\x00"]


async def test_without_a_poll_the_session_is_not_writable_and_droppable_frames_are_dropped(
    session: EngineSession, layer: Layer
) -> None:
    was_writable = [session.is_writable]
    session.write(frame("typing", is_droppable=True))
    session.write(frame("message"))
    session.begin_poll()
    session.write(frame("typing too", is_droppable=True))
    assert session.end_poll() == ["4message", "4typing too"]
    session.begin_poll()
    was_writable.append(session.is_writable)
    session.write(frame("message"))
    was_writable.append(session.is_writable)
    assert was_writable == [False, True, False]


async def test_without_a_poll_the_droppable_ones_of_joined_frames_are_dropped(
    session: EngineSession, layer: Layer
) -> None:
    for joined in join((frame("typing", is_droppable=True), frame("message"))):
        session.write(joined)
    session.begin_poll()
    assert session.end_poll() == ["4message"]


async def test_over_half_of_the_buffer_droppable_frames_are_shed(
    session: EngineSession, layer: Layer, configure: Callable[..., None]
) -> None:
    configure(send_buffer=4 * (OVERHEAD + 2))
    session = EngineSession({}, {}, forgotten.append)
    session.open(layer)
    session.begin_poll()
    for number in range(3):
        session.write(frame(str(number)))
    session.write(frame("9", is_droppable=True))
    assert session.end_poll() == ["40", "41", "42"]
    session.abort("forced close")


async def test_a_client_that_does_not_poll_is_cut_when_its_buffer_is_full(
    layer: Layer, configure: Callable[..., None]
) -> None:
    configure(send_buffer=3 * (OVERHEAD + 2))
    session = EngineSession({}, {}, forgotten.append)
    layer = Layer(session)
    session.open(layer)
    for _ in range(9):
        session.write(frame("x"))
    assert layer.ends == ["transport error"]
    assert session.is_gone
    assert session.end_poll() == ["1"]


# -- closing ------------------------------------------------------------------------------------


async def test_close_delivers_what_is_queued_first(session: EngineSession, layer: Layer) -> None:
    session.write(frame("last words"))
    session.close()
    assert layer.ends == ["forced close"]
    assert session.is_closed
    session.write(frame("too late"))
    assert session.begin_poll().done()
    assert session.end_poll() == ["4last words", "1"]
    assert forgotten == [session.id]


async def test_close_ends_the_poll_that_waits(session: EngineSession, layer: Layer) -> None:
    poll = session.begin_poll()
    session.close()
    assert poll.done()
    assert session.end_poll() == ["1"]


async def test_a_closing_session_that_nobody_polls_ends_in_time(
    session: EngineSession, layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.transports.engineio.session.LINGER", 0.001)
    session.close()
    await soon(session.closed(10))
    assert session.is_gone
    assert layer.ends == ["forced close"]


async def test_abort_throws_away_what_is_queued(session: EngineSession, layer: Layer) -> None:
    poll = session.begin_poll()
    session.write(frame("lost"))
    session.abort("transport error")
    session.abort("again")
    session.close()
    assert poll.done()
    assert session.end_poll() == ["1"]
    assert layer.ends == ["transport error"]


async def test_a_session_that_is_closing_can_be_aborted(session: EngineSession, layer: Layer) -> None:
    session.close()
    session.abort("transport close")
    assert session.is_gone
    assert layer.ends == ["forced close"]
    assert forgotten == [session.id]


async def test_closed_waits_until_the_client_was_told(session: EngineSession, layer: Layer) -> None:
    await soon(session.closed(10))  # it is open: there is nothing to wait for
    session.close()
    waiting = [asyncio.create_task(session.closed(10)) for _ in range(2)]
    await soon(session.closed(0.001))
    session.begin_poll()
    session.end_poll()
    assert not any(task.done() for task in waiting)
    session.told()
    await soon(asyncio.gather(*waiting))
    await soon(session.closed(10))


async def test_a_session_closed_before_it_was_open_tells_its_layer_then(session: EngineSession) -> None:
    session.close()
    layer = Layer(session)
    session.open(layer)
    assert layer.ends == ["forced close"]
    assert session.end_poll() == ["1"]


async def test_a_layer_that_fails_at_the_end_stops_nothing(
    session: EngineSession, layer: Layer, caplog: pytest.LogCaptureFixture
) -> None:
    layer.error = ZeroDivisionError()
    session.abort("transport close")
    assert session.is_gone
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


# -- what the client sends ------------------------------------------------------------------------


async def test_messages_reach_the_layer_without_their_type(session: EngineSession, layer: Layer) -> None:
    for packet in ("4hello", "4", b"\x01", "4hello again"):
        await session.receive(packet)
    assert layer.messages == ["hello", "", b"\x01", "hello again"]


async def test_a_close_packet_ends_the_session_and_its_poll_with_a_noop(session: EngineSession, layer: Layer) -> None:
    session.begin_poll()
    await session.receive("1")
    await session.receive("4too late")
    assert session.end_poll() == ["6"]
    assert layer.ends == ["transport close"]
    assert layer.messages == []


@pytest.mark.parametrize("packet", ["", "abc", "0", "2", "2probe", "5", "6", "7", "x4"])
async def test_a_packet_that_no_client_sends_ends_the_session(
    session: EngineSession, layer: Layer, packet: str
) -> None:
    with pytest.raises(MalformedError):
        await session.receive(packet)
    assert layer.ends == ["parse error"]


async def test_a_layer_can_call_a_message_malformed(session: EngineSession, layer: Layer) -> None:
    layer.error = MalformedError()
    with pytest.raises(MalformedError):
        await session.receive("4x")
    assert layer.ends == ["parse error"]


async def test_a_layer_that_fails_ends_the_session(
    session: EngineSession, layer: Layer, caplog: pytest.LogCaptureFixture
) -> None:
    session.use(line := Line(session))
    layer.error = ZeroDivisionError()
    with pytest.raises(ClientError, match="INTERNAL"):
        await session.receive("4x")
    assert layer.ends == ["transport error"]
    assert line.end == (Close.INTERNAL, "transport error")
    assert "unexpected error" in caplog.text


# -- life -----------------------------------------------------------------------------------------


async def test_a_silent_client_is_closed_once(session: EngineSession, configure: Callable[..., None]) -> None:
    configure(heartbeat_interval=0.001, heartbeat_timeout=0.001)
    layer = Layer(session)
    poll = session.begin_poll()
    session.open(layer)
    await soon(poll)
    assert session.end_poll() == ["2"]
    await until(lambda: session.is_gone)
    assert layer.ends == ["ping timeout"]


async def test_nobody_is_called_silent_while_the_layer_does_not_listen(
    session: EngineSession, configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(heartbeat_interval=0.001, heartbeat_timeout=0.001)
    waits: list[Heartbeat] = []
    wait_again = Heartbeat.wait_again

    def note(heartbeat: Heartbeat) -> None:
        waits.append(heartbeat)
        wait_again(heartbeat)

    monkeypatch.setattr(Heartbeat, "wait_again", note)
    layer = Layer(session)
    layer.listens.clear()
    session.open(layer)
    handling = asyncio.create_task(session.receive("4x"))
    await soon(session.begin_poll())
    assert session.end_poll() == ["2"]
    await until(lambda: len(waits) > 3)
    assert layer.ends == []
    layer.listens.set()
    await soon(handling)
    await until(lambda: layer.ends == ["ping timeout"])


# -- the WebSocket --------------------------------------------------------------------------------


async def test_what_is_queued_goes_over_to_the_websocket(session: EngineSession, layer: Layer) -> None:
    session.write(frame("1"))
    session.use(line := Line(session))
    session.write(frame("2"))
    assert line.packets == ["41", "42"]
    assert session.is_writable


async def test_the_poll_that_waits_gets_nothing_of_it(session: EngineSession, layer: Layer) -> None:
    poll = session.begin_poll()
    session.write(frame("1"))
    session.use(line := Line(session))
    assert poll.done()
    assert session.end_poll() is None
    assert line.packets == ["41"]


async def test_a_slow_websocket_is_not_writable_and_cut_at_last_with_1013(
    layer: Layer, configure: Callable[..., None]
) -> None:
    configure(send_buffer=2 * (OVERHEAD + 2))
    session = EngineSession({}, {}, forgotten.append)
    session.open(layer)
    session.use(line := Line(session))
    line.is_slow = True
    session.write(frame("1"))
    assert not session.is_writable
    session.write(frame("2"))
    session.write(frame("3"))
    assert line.end is None
    session.write(frame("4"))
    assert line.packets == ["41"]
    assert line.end == (Close.SLOW_CONSUMER, "transport error")


async def test_a_websocket_that_is_cut_finds_nothing_more_to_write(session: EngineSession, layer: Layer) -> None:
    session.use(line := Line(session))
    line.is_slow = True
    session.write(frame("1"))
    session.write(frame("2"))
    session.abort("forced close")
    session.flush()
    assert line.packets == ["41"]


async def test_a_websocket_that_can_be_written_to_again_gets_what_waits_then_the_end(
    session: EngineSession, layer: Layer
) -> None:
    session.use(line := Line(session))
    line.is_slow = True
    for text in ("1", "2", "3"):
        session.write(frame(text))
    session.close(Close.GOING_AWAY, "server going away")
    session.write(frame("4"))
    session.flush()
    assert (line.packets, line.end, session.is_gone) == (["41", "42"], None, False)
    line.is_slow = False
    session.flush()
    assert line.packets == ["41", "42", "43"]
    assert line.end == (Close.GOING_AWAY, "server going away")
    assert session.is_gone


async def test_a_websocket_that_comes_after_the_end_is_closed(session: EngineSession, layer: Layer) -> None:
    session.abort("forced close")
    session.use(line := Line(session))
    assert (line.packets, line.end) == ([], (1000, ""))


async def test_a_session_that_has_ended_leaves_no_timer(session: EngineSession, layer: Layer) -> None:
    pulse = session._heartbeat._timer
    assert pulse is not None
    session.close()
    assert pulse.cancelled()  # it need not answer any more
    assert session._linger is not None
    session.begin_poll()
    session.end_poll()
    assert session._linger.cancelled()


async def test_a_session_that_was_aborted_leaves_no_timer(session: EngineSession, layer: Layer) -> None:
    pulse = session._heartbeat._timer
    assert pulse is not None
    session.abort("forced close")
    assert pulse.cancelled()


@pytest.mark.parametrize(("reason", "code"), [("parse error", 4400), ("ping timeout", 1000), ("forced close", 1000)])
async def test_a_websocket_that_is_cut_hears_why(session: EngineSession, layer: Layer, reason: str, code: int) -> None:
    session.use(line := Line(session))
    session.abort(reason)
    assert line.end == (code, reason)
    await soon(session.closed(10))
