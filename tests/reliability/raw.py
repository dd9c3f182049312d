"""A client by hand, which says on its connection what no library would."""

import os
import socket
import time
from typing import Any, Self

from tests.integration.servers import ServerProcess

TIMEOUT = 10.0
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = ("Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13")
FIN, RSV1 = 0x80, 0x40
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Raw:
    """One TCP connection."""

    def __init__(self, server: ServerProcess) -> None:
        self.host = f"127.0.0.1:{server.port}"
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT)
        self._stream = self.socket.makefile("rb")
        self.answers_pings = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self.socket.close()

    def request(self, line: str, *headers: str, body: bytes = b"", host: bool = True) -> None:
        """A request, as it is: nothing is added but Host, and nothing is checked."""
        lines = [f"{line} HTTP/1.1", *([f"Host: {self.host}"] if host else []), *headers, "", ""]
        self.socket.sendall("\r\n".join(lines).encode("latin-1") + body)

    def upgrade(self, path: str, *headers: str, host: bool = True) -> None:
        """A WebSocket's handshake, with these headers too."""
        self.request(f"GET {path}", *UPGRADE, *headers, host=host)

    def head(self) -> tuple[int, list[str]]:
        """Status and header lines of an answer; status 0 if the connection ended instead."""
        lines: list[str] = []
        try:
            while (line := self._stream.readline()) not in {b"\r\n", b""}:
                lines.append(line.decode("latin-1").strip().lower())
        except ConnectionResetError:
            return 0, []
        return (int(lines[0].split()[1]), lines[1:]) if lines else (0, [])

    def body(self, headers: list[str]) -> bytes:
        """As long as the headers say."""
        length = next((int(line.split(":")[1]) for line in headers if line.startswith("content-length:")), 0)
        return self._stream.read(length)

    def ended(self) -> bool:
        """Read on to the end; whether there was nothing more."""
        try:
            return self._stream.read() == b""
        except ConnectionResetError:
            return True

    def say(self, payload: bytes, first: int = FIN | TEXT) -> None:
        """A masked frame with this first byte."""
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
        self.socket.sendall(bytes([first]) + length + mask + masked)

    def frame(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame; (0, b"") at the end of the connection. Pings are answered."""
        opcode, payload = self._frame()
        if opcode == PING and self.answers_pings:
            self.say(payload, first=FIN | PONG)
        return opcode, payload

    def _frame(self) -> tuple[int, bytes]:
        try:
            start = self._stream.read(2)
            if len(start) < 2:
                return 0, b""
            length = start[1]
            if length in {126, 127}:
                length = int.from_bytes(self._stream.read(2 if length == 126 else 8), "big")
            return start[0] & 0x0F, self._stream.read(length)
        except ConnectionResetError:
            return 0, b""

    def closed(self) -> int:
        """Read on to the end; the code of the close frame, 1006 without one."""
        while True:
            opcode, payload = self.frame()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big")
            if opcode == 0:
                return 1006

    def until(self, part: bytes) -> bytes:
        """The payload of the next frame with that in it, within TIMEOUT though pings go on."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            opcode, payload = self.frame()
            assert time.monotonic() < deadline, f"{part!r} did not come"
            assert opcode in {TEXT, PING}, (opcode, payload)
            if part in payload:
                return payload


def answered(server: ServerProcess, line: str, *headers: str, **more: Any) -> int:
    """The status of one request on a connection of its own."""
    with Raw(server) as raw:
        raw.request(line, *headers, **more)
        return raw.head()[0]
