"""An Engine.IO session: a state machine of packets and time, with no socket in it."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterator, Mapping
from enum import Enum, auto
from typing import Any, Final

from realtime.conf import conf
from realtime.errors import Close, translate
from realtime.outbound import Backlog, Frame
from realtime.transports.engineio.contracts import Handler, Line
from realtime.transports.engineio.heartbeat import Heartbeat
from realtime.transports.engineio.packets import CLOSE, MESSAGE, NOOP, PING, PONG, MalformedError, Packet, packet_type
from realtime.transports.engineio.requests import Requests

logger = logging.getLogger(__name__)

LINGER: Final = 30.0  # seconds that a session which is closing waits for its client to take what is queued
NORMAL: Final = 1000  # RFC 6455: nothing went wrong
CODES: Final[Mapping[str, int]] = {"parse error": Close.MALFORMED}  # of the reasons that have one of their own
PING_FRAME: Final = Frame.of(PING)


class State(Enum):
    """How far a session is. What is closing takes no more, but still delivers."""

    OPEN = auto()
    CLOSING = auto()
    CLOSED = auto()


class EngineSession:
    """One client, from its handshake to the end, on whichever transport."""

    __slots__ = (
        "_backlog",
        "_forget",
        "_handler",
        "_heartbeat",
        "_is_free",
        "_is_handling",
        "_last_packet",
        "_line",
        "_linger",
        "_reason",
        "_state",
        "_told",
        "farewell",
        "id",
        "probe",
        "query",
        "requests",
        "scope",
    )

    def __init__(self, scope: dict[str, Any], query: dict[str, str], forget: Callable[[str], object]) -> None:
        self.id = secrets.token_urlsafe(15)
        self.scope = scope
        self.query = query
        self.requests = Requests()  # of the polling transport
        self.probe: asyncio.Timeout | None = None  # for the WebSocket that tries to become the transport
        self.farewell: tuple[int, str] = (NORMAL, "")  # code and reason of the close frame after all that is queued
        self._forget = forget
        self._handler: Handler | None = None
        self._state = State.OPEN
        self._reason = ""
        self._backlog = Backlog(conf().send_buffer)
        self._heartbeat = Heartbeat(self._ping, self._on_silence)
        self._is_handling = False
        self._is_free = False  # it is open, and a line would take a frame at once
        self._line: Line | None = None  # None: polling
        self._linger: asyncio.TimerHandle | None = None
        self._last_packet = CLOSE
        self._told: asyncio.Future[None] | bool = False  # a future where somebody waits for it

    # -- for the layer above ------------------------------------------------------------------

    @property
    def is_closed(self) -> bool:
        """Whether nothing more is taken."""
        return self._state is not State.OPEN

    @property
    def is_writable(self) -> bool:
        """Whether a frame would go out at once."""
        return self._state is State.OPEN and (self._is_free or self.requests.is_polled) and not len(self._backlog)

    def write(self, frame: Frame) -> None:
        """Queue a frame behind all others. While no poll waits, droppable ones are dropped."""
        if self._is_free:
            self._is_free = self._line.write(frame)  # type: ignore[union-attr]  # then there is one
        elif frame.members:
            for member in frame.members:
                self.write(member)
        elif self._state is not State.OPEN or (frame.is_droppable and not self._has_taker):
            return
        elif not self._backlog.add(frame):
            self.abort("transport error", Close.SLOW_CONSUMER)
        elif self._line is None:
            self.requests.release()

    def close(self, code: int = Close.GOING_AWAY, reason: str = "") -> None:
        """End after all that is queued; a WebSocket is then closed with this code."""
        if self._state is not State.OPEN:
            return
        self._state = State.CLOSING
        self.farewell = (code, reason)
        self._heartbeat.stop()
        self._linger = asyncio.get_running_loop().call_later(LINGER, self.abort, "forced close")
        self._tell("forced close")
        if self._line is None:
            self.requests.release()
        elif self._is_free:
            self.flush()

    def abort(self, reason: str, code: int | None = None) -> None:
        """End at once; what is queued is thrown away."""
        if self._state is State.CLOSED:
            return
        was_open = self._state is State.OPEN
        if not was_open and code is None:
            code, reason = self.farewell
        self._backlog.clear()
        self._end()
        if was_open:
            self._tell(reason)
        if self._line is not None:
            self._line.cut(code or CODES.get(reason, NORMAL), reason)
        elif self.requests.is_polled:
            self.requests.release()
        else:
            self.told()

    async def closed(self, timeout: float) -> None:
        """If it is closing, return when the client was told, after `timeout` at most."""
        if self._state is State.OPEN or self._told is True:
            return
        if self._told is False:
            self._told = asyncio.get_running_loop().create_future()
        await asyncio.wait([self._told], timeout=timeout)

    # -- for the transports -------------------------------------------------------------------

    @property
    def is_gone(self) -> bool:
        """Whether it is over, with nothing left to deliver."""
        return self._state is State.CLOSED

    @property
    def has_line(self) -> bool:
        """Whether a WebSocket is the transport."""
        return self._line is not None

    def open(self, handler: Handler) -> None:
        """Begin. If the layer above has closed it already, it hears of that now."""
        self._handler = handler
        if self._state is State.OPEN:
            self._heartbeat.start()
        else:
            self._tell(self._reason)

    async def receive(self, packet: Packet) -> None:
        """Act on a packet of the client. If that fails the session is aborted: MalformedError or ClientError."""
        if self._state is not State.OPEN:
            return
        try:
            kind = packet_type(packet)
            self._heartbeat.heard(is_pong=kind == PONG)
            if kind == MESSAGE:
                await self._handle(packet[1:] if isinstance(packet, str) else packet)
            elif kind == CLOSE:
                self._last_packet = NOOP  # the client knows already
                self.abort("transport close")
        except MalformedError:
            self.abort("parse error")
            raise
        except Exception as error:
            self.abort("transport error", Close.INTERNAL)
            raise translate(error) from error

    def take(self, packet: str) -> bool:
        """As `receive`, without waiting; False, and nothing has been done, if that cannot be."""
        is_busy = self._is_handling or self.requests.is_posted
        if self._state is not State.OPEN or is_busy or self._handler is None or packet[:1] != MESSAGE:
            return False
        if not self._handler.take(packet[1:]):
            return False
        self._heartbeat.heard(is_pong=False)
        return True

    def begin_poll(self) -> asyncio.Future[None]:
        """A poll waits from now on. The future is done when it is to be answered."""
        answerable = self.requests.begin_poll()
        if len(self._backlog) or self.is_closed or self.has_line:
            self.requests.release()
        return answerable

    def end_poll(self) -> list[Packet] | None:
        """What answers the poll, which waits no longer; None if a WebSocket became the transport meanwhile."""
        self.requests.end_poll()
        if self.has_line:
            return None
        if self._state is State.CLOSED:
            return [self._last_packet]
        packets = list(self._queued())
        if self._state is State.CLOSING:
            self._end()
            packets.append(CLOSE)
        return packets or [NOOP]

    def flush(self) -> None:
        """The line can be written to."""
        if self._line is None or self._state is State.CLOSED:
            return
        self._is_free = True
        while self._is_free and len(self._backlog):
            self._is_free = self._line.write(self._backlog.take())
        if self._is_free and self._state is State.CLOSING:
            self._end()
            self._line.finish(*self.farewell)

    def use(self, line: Line, greeting: Frame | None = None) -> None:
        """The WebSocket is the transport from now on; the greeting goes before all that waits."""
        self._line = line
        self.requests.release()
        if self._state is State.CLOSED:
            line.finish(*self.farewell)
        elif greeting is None or line.write(greeting):
            self.flush()

    def told(self) -> None:
        """The client knows of the end, or never will."""
        waiting, self._told = self._told, True
        if isinstance(waiting, asyncio.Future) and not waiting.done():
            waiting.set_result(None)

    # -- within -------------------------------------------------------------------------------

    @property
    def _has_taker(self) -> bool:
        return self._line is not None or self.requests.is_polled

    def _queued(self) -> Iterator[Packet]:
        while len(self._backlog):
            yield from self._backlog.take().parts

    async def _handle(self, message: Packet) -> None:
        assert self._handler is not None, "nothing is read before the session is open"
        self._is_handling = True
        try:
            await self._handler.on_message(message)
        finally:
            self._is_handling = False

    def _ping(self) -> None:
        self.write(PING_FRAME)

    def _on_silence(self) -> None:
        if self._is_handling:  # it is we who do not listen
            self._heartbeat.wait_again()
        else:
            self.abort("ping timeout")

    def _end(self) -> None:
        self._state, self._is_free = State.CLOSED, False
        self._forget(self.id)
        self._heartbeat.stop()
        if self._linger is not None:
            self._linger.cancel()
        if self.probe is not None and not self.probe.expired():
            self.probe.reschedule(0)

    def _tell(self, reason: str) -> None:
        self._reason = reason
        if self._handler is None:
            return
        try:
            self._handler.on_close(reason)
        except Exception:
            logger.exception("a session's end was not handled")
