"""A real uvicorn in the test's own loop, with small kernel buffers, and clients that do as they like."""

import asyncio
import base64
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
import uvloop

from accounts.models import User
from accounts.tokens import access_token
from realtime.process import Process
from realtime.websockets import WebSocketProtocol
from realtime_project.asgi import application
from tests.services import Redis


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Any]:
    """Every test on both loops."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
def redis_server() -> Iterator[Redis]:
    with Redis() as server:
        yield server


@pytest_asyncio.fixture
async def process(transactional_db: None) -> AsyncIterator[Process]:
    started = await Process.started()
    yield started
    await started.stop()


class Served:
    def __init__(self, port: int, server: uvicorn.Server) -> None:
        self.port, self.server = port, server


@pytest_asyncio.fixture
async def serve(request: pytest.FixtureRequest) -> AsyncIterator[Callable[..., Any]]:
    """`await serve(app)`: uvicorn in this loop, with a small send buffer in the kernel."""
    running: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []

    async def start(app: Any = application, **options: Any) -> Served:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        sock.bind(("127.0.0.1", 0))
        options = {"ws_ping_interval": 600, "ws_ping_timeout": 600, **options}
        config = uvicorn.Config(
            app, ws=WebSocketProtocol, lifespan="off", log_config=None, access_log=False,
            ws_per_message_deflate=False, timeout_graceful_shutdown=1, **options,
        )
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        config.load()
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[sock])
        running.append((server, None))  # type: ignore[arg-type]
        return Served(sock.getsockname()[1], server)

    yield start
    for server, _ in running:
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        server.force_exit = True
        await server.shutdown()


class Raw:
    """A WebSocket client on a bare socket: it reads only when told."""

    def __init__(self, port: int) -> None:
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.sock.setblocking(False)
        self.port = port
        self.buffer = b""
        self.loop = asyncio.get_running_loop()

    async def open(self, user: User | None = None, path: str = "/ws/", token: str | None = None) -> "Raw":
        await self.loop.sock_connect(self.sock, ("127.0.0.1", self.port))
        token = token or (None if user is None else await asyncio.to_thread(access_token, user))
        auth = f"Authorization: Bearer {token}\r\n" if token else ""
        key = base64.b64encode(os.urandom(16)).decode()
        await self.send_raw(
            f"GET {path} HTTP/1.1\r\nHost: testserver\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{auth}"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self.buffer:
            await self._more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        assert b" 101 " in head, head
        return self

    async def send_raw(self, data: bytes) -> None:
        await self.loop.sock_sendall(self.sock, data)

    @staticmethod
    def frame(opcode: int, body: bytes, fin: bool = True) -> bytes:
        first = (0x80 if fin else 0) | opcode
        length = len(body)
        if length < 126:
            head = bytes((first, 0x80 | length))
        elif length < 65536:
            head = struct.pack("!BBH", first, 0x80 | 126, length)
        else:
            head = struct.pack("!BBQ", first, 0x80 | 127, length)
        return head + b"\0\0\0\0" + body

    async def say(self, text: str) -> None:
        await self.send_raw(self.frame(1, text.encode()))

    async def _more(self) -> None:
        data = await asyncio.wait_for(self.loop.sock_recv(self.sock, 65536), 10)
        if not data:
            raise EOFError
        self.buffer += data

    async def _take(self, count: int) -> bytes:
        while len(self.buffer) < count:
            await self._more()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    async def read(self) -> tuple[int, bytes]:
        """Opcode and body of the next frame; EOFError, ConnectionError."""
        first, second = await self._take(2)
        assert first & 0x70 == 0 and not second & 0x80
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", await self._take(2))
            assert length > 125
        elif length == 127:
            (length,) = struct.unpack("!Q", await self._take(8))
            assert length > 65535
        return first & 0x0F, await self._take(length)

    async def all(self) -> tuple[list[bytes], int | None]:
        """All texts till the end, and the close code."""
        texts: list[bytes] = []
        try:
            while True:
                opcode, body = await self.read()
                if opcode == 8:
                    return texts, struct.unpack("!H", body[:2])[0]
                if opcode in {1, 2}:
                    texts.append(body)
        except (EOFError, ConnectionError):
            return texts, None

    def close(self) -> None:
        self.sock.close()
