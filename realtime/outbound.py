"""What is to be written to one connection: in order, bounded, and never awaited by who writes."""

import asyncio
import itertools
import struct
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, Final, Protocol

from realtime.errors import Close

if TYPE_CHECKING:
    from realtime.codec import Push
    from realtime.writers import Writer

LINGER: Final = 5.0  # seconds that a slow reader has for what waits, when its connection is closed
JOINED: Final = 16384  # bytes of frames that are written together at the most
OVERHEAD: Final = 200  # bytes that a queued frame costs beside its text
_TEXT, _BINARY = 0x81, 0x82  # the first byte of a message in one piece


class Frame:
    """One encoded frame, shared by all its receivers: WebSocket messages that belong together.

    `size` is in bytes; `wire` is what a server writes to a WebSocket (RFC 6455, section 5.2). Where a frame has
    a `kind`, a later one of the same kind makes it worthless. One that is `joined` is of `members`, to be written at
    once; where that cannot be, they wait by themselves.
    """

    __slots__ = ("is_droppable", "kind", "members", "parts", "size", "wire")

    def __init__(
        self, parts: tuple[str | bytes, ...], *, is_droppable: bool = False, kind: Hashable | None = None
    ) -> None:
        self.parts, self.is_droppable, self.kind = parts, is_droppable, kind
        bodies = [part.encode() if isinstance(part, str) else part for part in parts]
        self.size = sum(map(len, bodies)) + OVERHEAD
        self.wire = b"".join(map(_framed, parts, bodies))
        self.members: tuple[Frame, ...] = ()

    @classmethod
    def of(cls, *parts: str | bytes, is_droppable: bool = False) -> "Frame":
        """From its messages, text or binary."""
        return cls(parts, is_droppable=is_droppable)

    @classmethod
    def joined(cls, members: "tuple[Frame, ...]") -> "Frame":
        """Of others, in their order."""
        frame = cls(())
        frame.members = members
        frame.parts = tuple(part for member in members for part in member.parts)
        frame.wire = b"".join([member.wire for member in members])
        frame.size = sum([member.size for member in members])
        return frame


def join(frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """As few as may be, in their order: one, if it is not too much for one write."""
    if len(frames) == 1 or sum([frame.size for frame in frames]) > JOINED:
        return frames
    return (Frame.joined(frames),)


def drop(frame: Frame) -> None:
    """Write it to nobody."""


def _framed(part: str | bytes, body: bytes) -> bytes:
    opcode = _TEXT if isinstance(part, str) else _BINARY
    length = len(body)
    if length < 126:
        return bytes((opcode, length)) + body
    if length < 65536:
        return struct.pack("!BBH", opcode, 126, length) + body
    return struct.pack("!BBQ", opcode, 127, length) + body


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
    """Frames that wait, at most `limit` bytes of them, with OVERHEAD for each.

    Of a kind only the latest waits. Over half of the limit droppable frames are not taken, and those that wait
    go before anything else is lost.
    """

    __slots__ = ("_frames", "_limit", "_numbers", "_size")

    def __init__(self, limit: int) -> None:
        self._frames: OrderedDict[Hashable, Frame] | None = None  # most connections never need one
        self._numbers = itertools.count()
        self._limit = limit
        self._size = 0

    def __len__(self) -> int:
        return len(self._frames) if self._frames else 0

    def add(self, frame: Frame) -> bool:
        """False, and all is thrown away, if the limit is passed."""
        if frame.kind is not None and self._frames and frame.kind in self._frames:
            self._size -= self._frames.pop(frame.kind).size
        if self._size + frame.size > self._limit // 2:
            if frame.is_droppable:
                return True
            if self._size + frame.size > self._limit:
                self._shed()
        self.push(frame)
        if self._size > self._limit:
            self.clear()
            return False
        return True

    def push(self, frame: Frame) -> None:
        """Add one in any case."""
        if self._frames is None:
            self._frames = OrderedDict()
        self._frames[next(self._numbers) if frame.kind is None else frame.kind] = frame
        self._size += frame.size

    def _shed(self) -> None:
        frames = OrderedDict[Hashable, Frame]() if self._frames is None else self._frames
        for key in [key for key, frame in frames.items() if frame.is_droppable]:
            self._size -= frames.pop(key).size

    def take(self) -> Frame:
        """The first of them."""
        assert self._frames
        _, frame = self._frames.popitem(last=False)
        self._size -= frame.size
        return frame

    def clear(self) -> None:
        """Throw all away."""
        self._frames = None
        self._size = 0


class Outbound:
    """The sink of a whole WebSocket. What cannot be written at once waits.

    When more than `limit` bytes wait, they are thrown away and `on_overflow` is called, once.
    """

    __slots__ = ("_backlog", "_ending", "_is_closed", "_is_free", "_linger", "_on_overflow", "_writer")

    def __init__(self, writer: "Writer", *, limit: int, on_overflow: Callable[[], None]) -> None:
        self._writer, self._on_overflow = writer, on_overflow
        self._backlog = Backlog(limit)
        self._ending: tuple[int, str] | None = None
        self._is_closed = False
        self._linger: asyncio.TimerHandle | None = None
        self._is_free = True  # it is open, and nothing waits
        writer.on_writable = self._flush

    def write(self, frame: Frame) -> None:
        """Behind all others."""
        if self._is_free:
            self._is_free = self._writer.write(frame)
        elif frame.members:
            for member in frame.members:
                self.write(member)
        elif not self._is_closed and not self._backlog.add(frame):
            self._is_closed = True
            self._on_overflow()

    def close(self, code: int, reason: str = "", *, farewell: Frame | None = None) -> None:
        """Close the connection after all that waits; nothing more is taken."""
        if self._is_closed:
            return
        self._is_closed = True
        self._ending = (code, reason)
        if farewell is not None:
            self._backlog.push(farewell)
        if self._is_free:
            self._flush()
        else:
            self._linger = asyncio.get_running_loop().call_later(LINGER, self._writer.abort, code, reason)

    def _flush(self) -> None:
        self._is_free = True
        while self._is_free and len(self._backlog):
            self._is_free = self._writer.write(self._backlog.take())
        if self._is_free and self._ending is not None:
            self._is_free = False
            self._writer.close(*self._ending)

    @property
    def is_closed(self) -> bool:
        """Whether nothing more is taken."""
        return self._is_closed

    async def closed(self, timeout: float) -> None:
        """If it is closing, return when the close frame was written, after `timeout` at most."""
        if self._is_closed:
            await self._writer.closed(timeout)

    async def ask(self, push: "Push") -> Any:
        """LookupError: clients of the plain wire acknowledge nothing."""
        raise LookupError(f"{push.name} cannot be asked on the plain wire")

    def stop(self) -> None:
        """Take and write nothing more."""
        self._is_closed, self._is_free, self._ending = True, False, None
        if self._linger is not None:
            self._linger.cancel()
        self._backlog.clear()
