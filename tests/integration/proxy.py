"""A TCP proxy between clients and a server, which loses connections as networks do."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

T = TypeVar("T")
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: close() sends RST
PATIENCE = 1.0  # seconds
QUIET = 0.03
REFUSAL = b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class _Way(asyncio.Protocol):
    """One direction of a connection: what comes in here goes out at the other end."""

    def __init__(self, proxy: "Proxy") -> None:
        self.proxy = proxy
        self.transport: asyncio.Transport | None = None
        self.other: _Way | None = None
        self._waiting: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.proxy.ways.add(self)
        if self.proxy.is_frozen:
            transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        self.proxy.seen.append(data)
        if self.other is None or self.other.transport is None:
            self._waiting.append(data)
        else:
            self.other.transport.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.proxy.ways.discard(self)
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()

    def join(self, other: "_Way") -> None:
        """They are two ends of one connection."""
        self.other = other
        assert other.transport is not None
        for data in self._waiting:
            other.transport.write(data)


class _Entrance(_Way):
    """The end that clients see."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.proxy.is_open:
            self.proxy.spawn(self._connect())
        else:
            transport.close()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        assert self.transport is not None
        try:
            _, exit_ = await loop.create_connection(lambda: _Way(self.proxy), "127.0.0.1", self.proxy.target)
        except OSError:
            self.transport.close()
            return
        self.join(exit_)
        exit_.join(self)
        if self.transport.is_closing():  # the client has gone meanwhile
            assert exit_.transport is not None
            exit_.transport.close()

    def data_received(self, data: bytes) -> None:
        if self.proxy.refuses_upgrades and b"upgrade: websocket" in data.lower():
            assert self.transport is not None
            self.transport.write(REFUSAL)
            self.transport.close()
        else:
            super().data_received(data)


class Proxy:
    """Listens on a free port. `target` is the server's, and may be changed."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.refuses_upgrades = False
        self.is_frozen = False
        self.is_open = True  # if not, nobody gets through: the client is away
        self.ways: set[_Way] = set()
        self.seen: list[bytes] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._run(self._loop.create_server(lambda: _Entrance(self), "127.0.0.1", 0))
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """For Socket.IO clients."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """End all connections in order (FIN)."""
        self._call(self._close, is_abrupt=False)

    def reset(self) -> None:
        """End all connections at once (RST)."""
        self._call(self._close, is_abrupt=True)

    @contextmanager
    def away(self) -> Iterator[None]:
        """All connections are lost, and come back at the end of the block only."""
        self.is_open = False
        self.reset()
        yield
        self.is_open = True

    def freeze(self) -> None:
        """Let nothing through, while all connections stay open."""
        self._call(self._hold, is_frozen=True)

    def thaw(self) -> None:
        """Go on."""
        self._call(self._hold, is_frozen=False)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """On the proxy's loop."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _close(self, *, is_abrupt: bool) -> None:
        for way in list(self.ways):
            transport = way.transport
            if transport is None:
                continue
            if is_abrupt:
                with contextlib.suppress(OSError):
                    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                transport.abort()
            else:
                transport.close()

    def _hold(self, *, is_frozen: bool) -> None:
        self.is_frozen = is_frozen
        for way in self.ways:
            if way.transport is not None and not way.transport.is_closing():
                (way.transport.pause_reading if is_frozen else way.transport.resume_reading)()

    async def _end(self) -> None:
        """Give clients that are leaving a moment to do so; then nobody gets through any more."""
        loop = asyncio.get_running_loop()
        deadline, quiet_since = loop.time() + PATIENCE, loop.time()
        while loop.time() < min(deadline, quiet_since + QUIET):  # a polling client has a connection now and then
            quiet_since = loop.time() if self.ways else quiet_since
            await asyncio.sleep(0.005)
        self.is_open = False
        self._server.close()
        await asyncio.sleep(QUIET)  # who was about to be accepted
        self._close(is_abrupt=True)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._close(is_abrupt=True)
        await asyncio.sleep(QUIET)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _call(self, function: Callable[..., None], **arguments: Any) -> None:
        async def run() -> None:
            function(**arguments)

        self._run(run())
