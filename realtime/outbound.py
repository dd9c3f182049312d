"""What waits to be written to one connection: in order, bounded, and never awaited by who writes."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

logger = logging.getLogger(__name__)

Send = Callable[[dict[str, Any]], Awaitable[None]]
OVERHEAD: Final = 200  # bytes that a queued frame costs beside its text


async def send_close(send: Send, code: int, reason: str) -> None:
    """Close a connection; under daphne with 3000 more where the code is one of RFC 6455's own."""
    message = {"type": "websocket.close", "code": int(code), "reason": reason}
    try:
        await send(message)
    except OSError:
        raise
    except Exception:  # noqa: BLE001 -- autobahn raises a bare one: it lets servers send 1000 and 3000 to 4999 only
        await send(message | {"code": int(code) + 3000})


class Frame(NamedTuple):
    """One encoded frame, shared by all its receivers."""

    message: dict[str, Any]  # the ASGI message
    size: int  # bytes
    is_droppable: bool = False

    @classmethod
    def text(cls, text: str, *, is_droppable: bool = False) -> "Frame":
        """A WebSocket text frame."""
        return cls({"type": "websocket.send", "text": text}, len(text.encode()) + OVERHEAD, is_droppable)


class Outbound:
    """A queue of frames that one task writes out.

    Over half of `limit` (bytes) droppable frames are dropped; over the whole of it the queue is
    thrown away and `on_overflow` called, once.
    """

    def __init__(self, send: Send, *, limit: int, on_overflow: Callable[[], None]) -> None:
        self._send, self._limit, self._on_overflow = send, limit, on_overflow
        self._frames: deque[Frame] = deque()
        self._held: list[Frame] | None = None
        self._size = 0
        self._is_closed = False
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="outbound")

    def write(self, frame: Frame) -> None:
        """Queue a frame behind all others."""
        if self._is_closed or (frame.is_droppable and self._size + frame.size > self._limit // 2):
            return
        self._size += frame.size
        if self._size > self._limit:
            self._overflow()
        elif self._held is not None:
            self._held.append(frame)
        else:
            self._frames.append(frame)
            self._wake.set()

    def hold(self) -> None:
        """What is written from here on waits, so that the greeting can go before it."""
        self._held = []

    def release(self, greeting: Frame) -> None:
        """The greeting, then what waited."""
        held, self._held = self._held or [], None
        if not self._is_closed:
            self.write(greeting)
            self._frames.extend(held)

    def close(self, code: int, reason: str = "", *, farewell: Frame | None = None) -> None:
        """Close the connection after all that is queued (not what is held); nothing more is taken."""
        if self._is_closed:
            return
        self._is_closed = True
        if farewell is not None:
            self._frames.append(farewell)
        self._frames.append(Frame({"type": "websocket.close", "code": int(code), "reason": reason}, 0))
        self._wake.set()

    @property
    def is_closed(self) -> bool:
        """Whether nothing more is taken."""
        return self._is_closed

    async def closed(self, timeout: float) -> None:
        """If it is closing, return when the close frame was written, after `timeout` at most."""
        if self._is_closed:
            await asyncio.wait([self._task], timeout=timeout)

    def stop(self) -> None:
        """Write nothing more."""
        self._is_closed = True
        self._task.cancel()

    def _overflow(self) -> None:
        self._is_closed = True
        self._frames.clear()
        self._on_overflow()

    async def _run(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._frames:
                    frame = self._frames.popleft()
                    if frame.message["type"] == "websocket.close":
                        await send_close(self._send, frame.message["code"], frame.message["reason"])
                        return
                    await self._send(frame.message)
                    self._size -= frame.size
        except OSError:  # the client has gone; the reader hears of it too
            logger.debug("a frame met a closed connection")
        finally:
            self._is_closed = True
