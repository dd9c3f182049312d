"""The WebSocket transport, from the first or by an upgrade from polling."""

import asyncio
import contextlib
import logging
from typing import Any, Final

from realtime.conf import conf
from realtime.errors import ClientError, Close
from realtime.middleware import Receive, Send
from realtime.outbound import send_close, write_frame
from realtime.transports.engineio.packets import PROBE, PROBED, UPGRADE, MalformedError, open_packet
from realtime.transports.engineio.session import EngineSession

logger = logging.getLogger(__name__)

CLOSE_TIMEOUT: Final = 1.0  # seconds for the close frame to be written
BYTES_OF_A_CHARACTER: Final = 4  # at most
GONE: Final = (OSError, RuntimeError)  # from `send`: the latter if the server has closed the connection by itself
REASONS: Final = {Close.NOT_JSON: "parse error", Close.TOO_BIG: "transport error"}
"""Why a session ends when the server under us has closed its WebSocket: not UTF-8, and too big."""


async def refuse(send: Send, code: int, reason: str) -> None:
    """Close a WebSocket that was accepted just now, and not before the client has got used to it."""
    await asyncio.sleep(conf().refusal_delay)
    with contextlib.suppress(*GONE):
        await send_close(send, code, reason)


async def upgrade(session: EngineSession, receive: Receive, send: Send) -> bool:
    """Make the WebSocket the transport of a polling session, and serve it; False if the client gives no proof."""
    if session.has_line or session.probe is not None or not await _probe(session, receive, send) or session.is_gone:
        return False
    line = WebSocketLine(session, receive, send)
    session.use(line)
    await line.serve()
    return True


async def _probe(session: EngineSession, receive: Receive, send: Send) -> bool:
    """Whether packets pass both ways, and the client wants to change over."""
    try:
        async with asyncio.timeout(conf().upgrade_timeout) as session.probe:
            if (await receive()).get("text") != PROBE:
                return False
            await send({"type": "websocket.send", "text": PROBED})
            session.requests.hurry(True)
            return (await receive()).get("text") == UPGRADE
    except TimeoutError:
        return False
    finally:
        session.probe = None
        session.requests.hurry(False)


async def connect(session: EngineSession, receive: Receive, send: Send) -> None:
    """Serve a session whose only transport is the WebSocket."""
    line = WebSocketLine(session, receive, send)
    session.use(line)
    await line.serve(greeting=open_packet(session.id, upgrades=[]))


class WebSocketLine:
    """The WebSocket of a session. The task that serves it reads; one beside it writes."""

    __slots__ = (
        "_close",
        "_has_client",
        "_is_over",
        "_is_reading",
        "_is_writing",
        "_reader",
        "_receive",
        "_send",
        "_session",
        "_work",
        "_writer",
    )

    def __init__(self, session: EngineSession, receive: Receive, send: Send) -> None:
        self._session, self._receive, self._send = session, receive, send
        self._reader = asyncio.current_task()
        self._writer: asyncio.Task[None] | None = None
        self._work: asyncio.Future[None] | None = None  # what the writer waits for
        self._close: tuple[int, str] | None = None
        self._has_client = True
        self._is_reading = self._is_writing = self._is_over = False

    def wake(self) -> None:
        """Something is to be written, or the session is closing."""
        if self._work is not None and not self._work.done():
            self._work.set_result(None)

    def cut(self, code: int, reason: str) -> None:
        """Write nothing more but a close frame."""
        self._close = (code, reason)
        self.wake()
        if self._is_writing and self._writer is not None:
            self._writer.cancel()

    async def serve(self, *, greeting: str = "") -> None:
        """Return when either side has ended it."""
        self._writer = asyncio.create_task(self._write(greeting), name="engine.io")
        self._writer.add_done_callback(self._on_written)
        try:
            await self._read()
        except asyncio.CancelledError:
            if not self._is_over or self._reader is None:
                raise
            self._reader.uncancel()
        finally:
            self._is_reading = False
            self._session.abort("transport close", Close.GOING_AWAY)
            await asyncio.wait([self._writer])
            self._session.told()

    # -- reading ------------------------------------------------------------------------------

    async def _read(self) -> None:
        self._is_reading = True
        await self._session.requests.posted()  # what was sent over the old transport comes first
        while not self._is_over:
            self._is_reading = True
            message = await self._receive()
            self._is_reading = False
            if message["type"] == "websocket.disconnect":
                self._has_client = False
                self._session.abort(REASONS.get(message.get("code", 0), "transport close"))
                return
            await self._take(message)
            del message  # it can hold a token: no name may keep it while the next one is waited for

    async def _take(self, message: dict[str, Any]) -> None:
        text = message.get("text")
        packet = message["bytes"] if text is None else text
        if _is_too_big(packet):
            self._session.abort("transport error", Close.TOO_BIG)
            return
        with contextlib.suppress(MalformedError, ClientError):  # they have ended the session
            await self._session.receive(packet)

    # -- writing ------------------------------------------------------------------------------

    async def _write(self, greeting: str) -> None:
        try:
            self._is_writing = True
            if greeting:
                await self._send({"type": "websocket.send", "text": greeting})
            await self._write_frames()
        except asyncio.CancelledError:
            if self._close is None:
                raise
        except GONE:
            logger.debug("a packet met a closed connection")
            return
        finally:
            self._is_writing = False
        if self._has_client:
            await self._write_close(*(self._close or self._session.farewell))

    async def _write_frames(self) -> None:
        while True:
            self._is_writing = True
            while (frame := self._session.next_frame()) is not None:
                await write_frame(self._send, frame)
            self._is_writing = False
            if self._session.is_closed:
                return
            self._work = asyncio.get_running_loop().create_future()
            await self._work

    async def _write_close(self, code: int, reason: str) -> None:
        with contextlib.suppress(TimeoutError, *GONE):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await send_close(self._send, code, reason)

    def _on_written(self, writer: asyncio.Task[None]) -> None:
        """Nothing more can be said: a reader that waits for the client waits no longer."""
        self._is_over = True
        if not writer.cancelled() and (error := writer.exception()) is not None:
            logger.error("a WebSocket could not be written to", exc_info=error)
        if self._is_reading and self._reader is not None:
            self._reader.cancel()


def _is_too_big(packet: str | bytes) -> bool:
    limit = conf().max_payload
    if isinstance(packet, bytes) or len(packet) > limit:
        return len(packet) > limit
    return len(packet) > limit // BYTES_OF_A_CHARACTER and len(packet.encode()) > limit
