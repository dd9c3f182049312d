"""The WebSocket transport, from the first or by an upgrade from polling."""

import asyncio
import contextlib
from typing import Any, Final

from realtime.conf import conf
from realtime.errors import ClientError, Close
from realtime.middleware import Receive, Scope, Send
from realtime.outbound import Frame
from realtime.transports.engineio.packets import PROBE, PROBED, UPGRADE, MalformedError, open_packet
from realtime.transports.engineio.session import EngineSession
from realtime.writers import CLOSE_TIMEOUT, GONE, Reader, send_close, writer_of

BYTES_OF_A_CHARACTER: Final = 4  # at most
REASONS: Final = {Close.NOT_JSON: "parse error", Close.TOO_BIG: "transport error"}
"""Why a session ends when the server under us has closed its WebSocket: not UTF-8, and too big."""


async def refuse(send: Send, code: int, reason: str) -> None:
    """Close a WebSocket that was accepted just now, and not before the client has got used to it."""
    await asyncio.sleep(conf().refusal_delay)
    with contextlib.suppress(*GONE):
        await send_close(send, code, reason)


async def upgrade(session: EngineSession, scope: Scope, receive: Receive, send: Send) -> bool:
    """Make the WebSocket the transport of a polling session, and serve it; False if the client gives no proof."""
    if session.has_line or session.probe is not None or not await _probe(session, receive, send) or session.is_gone:
        return False
    await WebSocketLine(session, scope, receive, send).serve()
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


async def connect(session: EngineSession, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve a session whose only transport is the WebSocket."""
    greeting = Frame.of(open_packet(session.id, upgrades=[]))
    await WebSocketLine(session, scope, receive, send).serve(greeting)


class WebSocketLine:
    """The WebSocket of a session. The task that serves it reads; whoever has something to say writes."""

    __slots__ = ("_reader", "_session", "_writer", "write")

    def __init__(self, session: EngineSession, scope: Scope, receive: Receive, send: Send) -> None:
        self._session, self._reader = session, Reader(receive)
        self._writer = writer = writer_of(scope, send)
        self.write = writer.write
        writer.on_writable = session.flush
        writer.on_over = self._reader.stop
        writer.offer_to(self._take_at_once)

    def finish(self, code: int, reason: str) -> None:
        """Write a close frame, and nothing more."""
        self._writer.close(code, reason)

    def cut(self, code: int, reason: str) -> None:
        """The same, though the client may not read."""
        self._writer.abort(code, reason)

    async def serve(self, greeting: Frame | None = None) -> None:
        """Return when either side has ended it."""
        self._session.use(self, greeting)
        try:
            await self._session.requests.posted(conf().upgrade_timeout)  # what was sent before comes first
            while (message := await self._reader.next()) is not None:
                if message["type"] == "websocket.disconnect":
                    self._writer.stop()
                    self._session.abort(REASONS.get(message.get("code", 0), "transport close"))
                    return
                await self._take(message)
                del message  # it can hold a token: no name may keep it while the next one is waited for
        finally:
            self._session.abort("transport close", Close.GOING_AWAY)
            await self._writer.closed(CLOSE_TIMEOUT)
            self._writer.stop()
            self._session.told()

    def _take_at_once(self, message: dict[str, Any]) -> bool:
        """Whether it could be taken without waiting; else `serve` gets it."""
        text = message.get("text")
        return text is not None and not _is_too_big(text) and self._session.take(text)

    async def _take(self, message: dict[str, Any]) -> None:
        text = message.get("text")
        packet = message["bytes"] if text is None else text
        if _is_too_big(packet):
            self._session.abort("transport error", Close.TOO_BIG)
            return
        with contextlib.suppress(MalformedError, ClientError):  # they have ended the session
            await self._session.receive(packet)


def _is_too_big(packet: str | bytes) -> bool:
    limit = conf().max_payload
    if isinstance(packet, bytes) or len(packet) > limit:
        return len(packet) > limit
    return len(packet) > limit // BYTES_OF_A_CHARACTER and len(packet.encode()) > limit
