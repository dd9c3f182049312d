"""The process grows."""

import socket
import time
from collections.abc import Iterator

import pytest

from tests.integration.servers import ServerProcess
from tests.review.conftest import Raw

pytestmark = pytest.mark.django_db(transaction=True)


def rss(pid: int) -> int:
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) // 1024


@pytest.fixture
def server(transactional_db: None) -> Iterator[ServerProcess]:
    made = ServerProcess().start()
    yield made
    made.kill()


def test_pings_without_a_token_do_not_fill_the_memory(server: ServerProcess) -> None:
    """`manage.py serve` as it is; the client has neither a token nor a wish to read."""
    assert server.process is not None
    before = rss(server.process.pid)
    sock = socket.create_connection(("127.0.0.1", server.port))
    sock.settimeout(2)
    sock.sendall(
        b"GET /ws/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    sock.recv(1000)
    pings = Raw.frame(9, b"p" * 125) * 2000
    end = time.monotonic() + 9
    sent = 0
    try:
        while time.monotonic() < end:
            sock.sendall(pings)
            sent += len(pings)
    except OSError:
        pass
    grown = rss(server.process.pid) - before
    sock.close()
    assert grown < 5, f"{grown} MB more after {sent / 1e6:.0f} MB of pings"
