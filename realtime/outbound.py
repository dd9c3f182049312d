"""What waits to be written to one connection: in order, bounded, and never awaited by who writes."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from realtime.errors import Close

if TYPE_CHECKING:
    from realtime.codec import Push

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
    """One encoded frame, shared by all its receivers: WebSocket messages that belong together."""

    parts: tuple[str | bytes, ...]
    size: int  # bytes
    is_droppable: bool = False

    @classmethod
    def of(cls, *parts: str | bytes, is_droppable: bool = False) -> "Frame":
        """From its messages, text or binary."""
        return cls(parts, sum(map(_size, parts)) + OVERHEAD, is_droppable)


def _size(part: str | bytes) -> int:
    return len(part.encode()) if isinstance(part, str) else len(part)


class Sink(Protocol):
    """Where a session writes to: a connection, or its share of one."""

    def write(self, frame: Frame) -> None:
        """Queue a frame behind all others."""

    def close(self, code: Close, reason: str, *, farewell: Frame | None = None) -> None:
        """End after all that is queued; nothing more is taken."""

    @property
    def is_closed(self) -> bool:
        """Whether nothing more is taken."""

    async def closed(self, timeout: float) -> None:
        """If it is closing, return when the client was told, after `timeout` seconds at most."""

    async def ask(self, push: "Push") -> Any:
        """Tell an event and return the arguments of the client's acknowledgement.

        A ClientError if it does not come, LookupError where there is no such thing.
        """


class Backlog:
    """Frames that wait, at most `limit` bytes of them. Over half of it, droppable ones are not taken."""

    def __init__(self, limit: int) -> None:
        self._frames: deque[Frame] = deque()
        self._limit = limit
        self._size = 0

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, frame: Frame) -> bool:
        """False, and all is thrown away, if the limit is passed."""
        if frame.is_droppable and self._size + frame.size > self._limit // 2:
            return True
        self._size += frame.size
        if self._size > self._limit:
            self.clear()
            return False
        self._frames.append(frame)
        return True

    def take(self) -> Frame:
        """The first of them."""
        frame = self._frames.popleft()
        self._size -= frame.size
        return frame

    def clear(self) -> None:
        """Throw all away."""
        self._frames.clear()
        self._size = 0


class Outbound:
    """The sink of a whole WebSocket: one task writes out what waits.

    When more than `limit` bytes wait, they are thrown away and `on_overflow` is called, once.
    """

    def __init__(self, send: Send, *, limit: int, on_overflow: Callable[[], None]) -> None:
        self._send, self._on_overflow = send, on_overflow
        self._backlog = Backlog(limit)
        self._ending: tuple[int, str, Frame | None] | None = None
        self._is_closed = False
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="outbound")

    def write(self, frame: Frame) -> None:
        """Queue a frame behind all others."""
        if self._is_closed:
            return
        if self._backlog.add(frame):
            self._wake.set()
        else:
            self._is_closed = True
            self._on_overflow()

    def close(self, code: int, reason: str = "", *, farewell: Frame | None = None) -> None:
        """Close the connection after all that is queued; nothing more is taken."""
        if self._is_closed:
            return
        self._is_closed = True
        self._ending = (code, reason, farewell)
        self._wake.set()

    @property
    def is_closed(self) -> bool:
        """Whether nothing more is taken."""
        return self._is_closed

    async def closed(self, timeout: float) -> None:
        """If it is closing, return when the close frame was written, after `timeout` at most."""
        if self._is_closed:
            await asyncio.wait([self._task], timeout=timeout)

    async def ask(self, push: "Push") -> Any:
        """LookupError: clients of the plain wire acknowledge nothing."""
        raise LookupError(f"{push.name} cannot be asked on the plain wire")

    def stop(self) -> None:
        """Write nothing more."""
        self._is_closed = True
        self._task.cancel()

    async def _run(self) -> None:
        try:
            while self._backlog or self._ending is None:
                while self._backlog:
                    await write_frame(self._send, self._backlog.take())
                if self._ending is None:
                    await self._wake.wait()
                    self._wake.clear()
            code, reason, farewell = self._ending
            if farewell is not None:
                await write_frame(self._send, farewell)
            await send_close(self._send, code, reason)
        except OSError:  # the client has gone; the reader hears of it too
            logger.debug("a frame met a closed connection")
        finally:
            self._is_closed = True


async def write_frame(send: Send, frame: Frame) -> None:
    """Send a frame's messages as WebSocket messages."""
    for part in frame.parts:
        await send({"type": "websocket.send", "text" if isinstance(part, str) else "bytes": part})
