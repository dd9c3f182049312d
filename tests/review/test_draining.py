"""SIGTERM at bad moments."""

import contextlib
import json
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from accounts.models import User
from accounts.tokens import access_token
from tests.integration.servers import ROOT, ServerProcess

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("delay", [0.9, 1.2, 1.4, 1.6, 1.8, 2.0, 2.3, 2.6])
def test_sigterm_during_startup(transactional_db: None, delay: float) -> None:
    server = ServerProcess()
    with server.log.open("ab") as log:
        server.process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--port", str(server.port)],
            cwd=ROOT, env=server._environment, stdout=log, stderr=log,
        )
    time.sleep(delay)
    server.process.send_signal(signal.SIGTERM)
    try:
        server.process.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        pytest.fail("still there")
    server.process = None
    text = server.log.read_text()
    assert "Traceback" not in text and "rror" not in text and "never" not in text, text[-3000:]


class Slow:
    """A client that sends, and reads nothing after its greeting."""

    def __init__(self, server: ServerProcess, token: str) -> None:
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.sock.settimeout(5)
        self.sock.connect(("127.0.0.1", server.port))
        self.sock.sendall(
            f"GET /ws/ HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Authorization: Bearer {token}\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        assert b"101" in self.sock.recv(100)

    def stuff(self, count: int) -> None:
        body = json.dumps({"event": "nothing", "id": "x" * 90_000}).encode()
        frame = bytes((0x81, 0xFF)) + struct.pack("!Q", len(body)) + b"\0\0\0\0" + body
        with contextlib.suppress(OSError):
            for _ in range(count):
                self.sock.sendall(frame)


@pytest.fixture
def server(transactional_db: None) -> Iterator[ServerProcess]:
    made = ServerProcess(REALTIME_DRAIN_TIMEOUT="20").start()
    yield made
    if made.process is not None:
        made.kill()


def test_a_drain_with_clients_that_do_not_read(server: ServerProcess, alice: User) -> None:
    token = access_token(alice)
    slow = [Slow(server, token) for _ in range(12)]
    for number, one in enumerate(slow):
        one.stuff(20 + 4 * number)
    others = [server.connect(alice) for _ in range(20)]
    began = time.monotonic()
    assert server.stop() == -signal.SIGTERM
    took = time.monotonic() - began
    assert {client.closed() for client in others} == {1001}
    alice.refresh_from_db()
    assert not alice.is_online
    for one in slow:
        one.sock.close()
    assert took < 22, took
    assert "Traceback" not in server.log.read_text(), server.log.read_text()[-3000:]
    print("took", took)


def test_a_second_sigterm_changes_nothing(server: ServerProcess, alice: User) -> None:
    with server.connect(alice) as client:
        process: Any = server.process
        process.send_signal(signal.SIGTERM)
        time.sleep(0.05)
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        assert client.closed() == 1001
        assert process.wait(20) == -signal.SIGTERM
        server.process = None
    alice.refresh_from_db()
    assert not alice.is_online
