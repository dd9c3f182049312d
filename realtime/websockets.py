"""uvicorn's WebSocket protocol, with a way for the hub to write frames straight to the transport."""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from realtime.outbound import Frame
from realtime.writers import CLOSE_TIMEOUT, EXTENSION, nothing

FAREWELL_TIMEOUT: Final = 10.0  # seconds for a client to take what is on its way, and to answer a close frame
NO_LINGER: Final = struct.pack("ii", 1, 0)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Has a `RawWriter` among the extensions of its scope, and waits for no client that does not read."""

    writer: "RawWriter | None" = None
    _end: asyncio.TimerHandle | None = None

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        # Asyncio's own have five deques between them: 4 KiB for a connection that is silent.
        self.queue = self.messages = _Queue()  # type: ignore[assignment]
        self.writable = _Gate()  # type: ignore[assignment]

    def handle_connect(self, event: Any) -> None:
        """The application begins, in the next turn of the loop."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.writer = RawWriter(self)
            extensions: dict[Any, Any] = self.scope["extensions"] or {}
            extensions[EXTENSION] = self.writer

    def start_keepalive(self) -> None:
        """The connection stands: nobody asks for the headers of its beginning any more."""
        super().start_keepalive()
        self.request.headers.clear()
        self.response.headers.clear()

    def pause_writing(self) -> None:
        """The client does not read, or not fast enough."""
        super().pause_writing()
        if self.writer is not None:
            self.writer.is_writable = False

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        if self.writer is not None:
            self.writer.is_writable = True
            self.writer.on_writable()

    def send_receive_event_to_app(self) -> None:
        """Reading pauses while a message waits; not for one that is awaited: that takes two system calls."""
        is_awaited = self.messages.is_awaited
        self.read_paused = self.read_paused or is_awaited
        super().send_receive_event_to_app()
        if is_awaited:
            self.read_paused = False

    def handle_ping(self) -> None:
        """A client that does not read gets no pongs: they would wait without bound."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_cont(self, event: Any) -> None:
        """A part of a message; those that are empty would be kept without bound."""
        if event.data or event.fin:
            super().handle_cont(event)

    def keepalive_timeout(self) -> None:
        """The client does not answer pings."""
        super().keepalive_timeout()
        self.give_up_in(CLOSE_TIMEOUT)

    def eof_received(self) -> None:
        """The client says nothing more. The transport ends when all is read, which may be never."""
        super().eof_received()
        self.give_up_in(FAREWELL_TIMEOUT)

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """The application is done, whichever it was."""
        super().on_task_complete(task)
        if self._end is None:
            self.give_up_in(FAREWELL_TIMEOUT)

    def give_up_in(self, seconds: float) -> None:
        """Do not wait for longer than that until the client has read what is on its way."""
        if self._end is not None:
            self._end.cancel()
        if not self.disconnected:
            self._end = self.loop.call_later(seconds, reset, self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone."""
        super().connection_lost(exc)
        if self._end is not None:
            self._end.cancel()
        if self.writer is not None:
            self.writer.lost()


def reset(transport: asyncio.Transport) -> None:
    """End it by RST: after a mere close the kernel would keep megabytes for who does not read, for minutes."""
    if (connection := transport.get_extra_info("socket")) is not None:
        with suppress(OSError, ValueError):  # it is closed already; uvloop says so by the latter
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    transport.abort()


class HttpProtocol(HttpToolsProtocol):
    """Waits for no client that does not read its answer."""

    def timeout_keep_alive_handler(self) -> None:
        """There is no other request; what the client has not read by now it will not."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(FAREWELL_TIMEOUT, reset, self.transport)


class RawWriter:
    """A `realtime.writers.Writer`: frames go to the transport in their final form.

    While the transport's own buffer is over its high-water mark (64 KiB), nothing more is written.
    """

    __slots__ = ("_is_lost", "_over", "_protocol", "_transport", "is_writable", "on_over", "on_writable")

    def __init__(self, protocol: WebSocketProtocol) -> None:
        self._protocol, self._transport = protocol, protocol.transport
        self.is_writable = True
        self._over: asyncio.Future[None] | None = None
        self._is_lost = False
        self.on_writable: Callable[[], None] = nothing
        self.on_over: Callable[[], None] = nothing

    def write(self, frame: Frame) -> bool:
        """See `Writer`."""
        if self._protocol.close_sent or self._transport.is_closing():
            return True
        self._transport.write(frame.wire)
        return self.is_writable

    def close(self, code: int, reason: str) -> None:
        """See `Writer`."""
        protocol = self._protocol
        if not protocol.close_sent and not protocol.transport.is_closing():
            protocol.writable.set()  # the server's own frames may have paused it
            sending = protocol.send({"type": "websocket.close", "code": int(code), "reason": reason})
            with suppress(StopIteration, OSError):
                sending.send(None)  # this does not wait
        self.on_over()

    def offer_to(self, taker: Callable[[dict[str, Any]], bool]) -> None:
        """See `Writer`."""
        self._protocol.messages.taker = taker

    def abort(self, code: int, reason: str) -> None:
        """See `Writer`."""
        self.close(code, reason)
        self._protocol.give_up_in(CLOSE_TIMEOUT)

    async def closed(self, timeout: float) -> None:
        """See `Writer`. The client has taken the close frame when it has answered it."""
        if not self._is_lost:
            if self._over is None:
                self._over = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._over], timeout=timeout)

    def stop(self) -> None:
        """See `Writer`. The protocol sees that the application is done."""

    def lost(self) -> None:
        """The connection has gone."""
        self._is_lost = True
        if self._over is not None and not self._over.done():
            self._over.set_result(None)
        self.on_writable = self.on_over = nothing
        self._protocol.messages.taker = None  # or they would hold each other


class _Queue:
    """Of `asyncio.Queue` what uvicorn uses: one reader, and a few messages.

    One that comes while the reader waits is offered to the `taker` first.
    """

    __slots__ = ("_messages", "_reader", "taker")

    def __init__(self) -> None:
        self.taker: Callable[[Any], bool] | None = None
        self._messages: list[Any] = []
        self._reader: asyncio.Future[None] | None = None

    @property
    def is_awaited(self) -> bool:
        return self._reader is not None and not self._reader.done()

    def put_nowait(self, message: Any) -> None:
        if self._reader is None or self._reader.done():
            self._messages.append(message)
        elif self.taker is None or not self.taker(message):
            self._messages.append(message)
            self._reader.set_result(None)

    def empty(self) -> bool:
        return not self._messages

    async def get(self) -> Any:
        while not self._messages:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        return self._messages.pop(0)


class _Gate:
    """Of `asyncio.Event` what uvicorn uses. Open at first."""

    __slots__ = ("_closed",)

    def __init__(self) -> None:
        self._closed: asyncio.Future[None] | None = None

    def is_set(self) -> bool:
        return self._closed is None

    def set(self) -> None:
        closed, self._closed = self._closed, None
        if closed is not None:
            closed.set_result(None)

    def clear(self) -> None:
        if self._closed is None:
            self._closed = asyncio.get_running_loop().create_future()

    async def wait(self) -> None:
        while self._closed is not None:
            await asyncio.wait([self._closed])
