"""A WebSocket client on a bare socket: it reads only when told, and says what no library would."""

import asyncio
import base64
import os
import socket
import struct
from typing import Self

from accounts.models import User
from accounts.tokens import access_token
from tests.realtime.waiting import soon

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NO_LINGER = struct.pack("ii", 1, 0)


def small_socket() -> socket.socket:
    """One for which the kernel keeps next to nothing."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    sock.setblocking(False)
    return sock


def frame(opcode: int, body: bytes, *, is_last: bool = True) -> bytes:
    """A frame as clients send it, masked with zeros."""
    first = (0x80 if is_last else 0) | opcode
    if len(body) < 126:
        return bytes((first, 0x80 | len(body))) + b"\0\0\0\0" + body
    if len(body) < 65536:
        return struct.pack("!BBH", first, 0x80 | 126, len(body)) + b"\0\0\0\0" + body
    return struct.pack("!BBQ", first, 0x80 | 127, len(body)) + b"\0\0\0\0" + body


class Raw:
    """One connection."""

    def __init__(self, port: int) -> None:
        self.sock = small_socket()
        self._port = port
        self._buffer = b""
        self._loop = asyncio.get_running_loop()

    async def open(self, user: User | None = None) -> Self:
        """Connect, with the user's token if there is one."""
        await self._loop.sock_connect(self.sock, ("127.0.0.1", self._port))
        token = None if user is None else await asyncio.to_thread(access_token, user)
        auth = f"Authorization: Bearer {token}\r\n" if token else ""
        key = base64.b64encode(os.urandom(16)).decode()
        await self.send(
            f"GET /ws/ HTTP/1.1\r\nHost: testserver\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{auth}"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self._buffer:
            await self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        assert b" 101 " in head, head
        return self

    async def send(self, data: bytes) -> None:
        """These bytes."""
        await soon(self._loop.sock_sendall(self.sock, data))

    async def say(self, text: str) -> None:
        """A text message."""
        await self.send(frame(TEXT, text.encode()))

    async def _more(self) -> None:
        data = await soon(self._loop.sock_recv(self.sock, 65536))
        if not data:
            raise EOFError
        self._buffer += data

    async def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            await self._more()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    async def read(self) -> tuple[int, bytes]:
        """Opcode and body of the next frame; EOFError or ConnectionError if there is none."""
        first, second = await self._take(2)
        assert first & 0x70 == 0
        assert not second & 0x80
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", await self._take(2))
            assert length > 125
        elif length == 127:
            (length,) = struct.unpack("!Q", await self._take(8))
            assert length > 65535
        return first & 0x0F, await self._take(length)

    async def all(self) -> tuple[list[bytes], int | None]:
        """All messages till the end, and the code of the close frame."""
        messages: list[bytes] = []
        try:
            while True:
                opcode, body = await self.read()
                if opcode == CLOSE:
                    return messages, int.from_bytes(body[:2])
                if opcode in {TEXT, BINARY}:
                    messages.append(body)
        except (EOFError, ConnectionError):
            return messages, None

    def reset(self) -> None:
        """Go by RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self.sock.close()
