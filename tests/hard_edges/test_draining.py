"""The end of a server whose clients do not read, and one that is told twice."""

import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Self

import pytest

from accounts.models import User
from accounts.tokens import access_token
from tests.hard_edges.raw import TEXT, frame
from tests.integration.servers import ServerProcess

pytestmark = pytest.mark.django_db(transaction=True)
Start = Callable[..., ServerProcess]


@pytest.fixture
def start(transactional_db: None) -> Iterator[Start]:
    """`start(REALTIME_DRAIN_NOTICE="1")`: a server with these words in its environment."""
    servers: list[ServerProcess] = []

    def one(**words: str) -> ServerProcess:
        servers.append(ServerProcess(**words).start())
        return servers[-1]

    yield one
    for server in servers:
        if server.process is not None:
            server.kill()


class Slow:
    """A client that sends, and reads nothing after its handshake."""

    def __init__(self, server: ServerProcess, token: str) -> None:
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.sock.settimeout(10)
        self.sock.connect(("127.0.0.1", server.port))
        self.sock.sendall(
            f"GET /ws/ HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Authorization: Bearer {token}\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        assert b"101" in self.sock.recv(100)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def ask(self, count: int) -> None:
        """So many commands whose answers are large."""
        command = frame(TEXT, json.dumps({"event": "nothing", "id": "x" * 90_000}).encode())
        with suppress(OSError):  # it may have been cut off already
            for _ in range(count):
                self.sock.sendall(command)


def test_clients_that_do_not_read_keep_neither_the_server_nor_the_others(start: Start, alice: User) -> None:
    server = start(REALTIME_DRAIN_TIMEOUT="2")
    token = access_token(alice)
    with ExitStack() as stack:
        for number in range(6):
            stack.enter_context(Slow(server, token)).ask(20 + 8 * number)
        others = [stack.enter_context(server.connect(alice)) for _ in range(20)]
        assert server.stop() == -signal.SIGTERM
        assert {client.closed() for client in others} == {1001}
    alice.refresh_from_db()
    assert not alice.is_online
    assert "Traceback" not in server.log.read_text()


def test_a_second_sigterm_changes_nothing(start: Start, alice: User) -> None:
    server = start(REALTIME_DRAIN_NOTICE="1")
    process = server.process
    assert process is not None
    with server.connect(alice) as client:
        process.send_signal(signal.SIGTERM)
        while server.status("/readyz") != 503:
            time.sleep(0.01)
        assert server.stop() == -signal.SIGTERM
        assert client.closed() == 1001
    alice.refresh_from_db()
    assert not alice.is_online
