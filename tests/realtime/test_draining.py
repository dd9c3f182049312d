"""The end of a server, seen by clients and by a balancer."""

import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Self

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from accounts.models import User
from accounts.tokens import access_token
from realtime.testing import Client
from tests.hard_edges.raw import TEXT, frame
from tests.integration.servers import ServerProcess

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

Start = Callable[..., ServerProcess]


@pytest.fixture
def start(transactional_db: None) -> Iterator[Start]:
    """`start(drain_notice=60)`: a server with these settings of the core."""
    servers: list[ServerProcess] = []

    def one(**settings: float) -> ServerProcess:
        words = {f"REALTIME_{name.upper()}": str(value) for name, value in settings.items()}
        servers.append(ServerProcess(**words).start())
        return servers[-1]

    yield one
    for server in servers:
        if server.process is not None:
            server.kill()


def terminate(server: ServerProcess, how: signal.Signals = signal.SIGTERM) -> None:
    assert server.process is not None
    server.process.send_signal(how)


def until_unready(server: ServerProcess, client: Client) -> None:
    """Return when balancers are told to send nobody."""
    while server.status("/readyz") != 503:
        assert client.call("ping")


def test_readiness_ends_before_any_connection_does(start: Start, alice: User, bob: User) -> None:
    server = start(drain_notice=60)
    with server.connect(alice) as client:
        terminate(server)
        until_unready(server, client)
        assert client.call("ping")
        assert server.status("/healthz") == 200
        with Client(server.url, token="") as late:
            assert late.closed() == 1001


def test_a_server_without_clients_gives_notice_too(start: Start) -> None:
    server = start(drain_notice=60)
    terminate(server)
    while server.status("/readyz") != 503:
        assert server.status("/healthz") == 200
    assert server.status("/healthz") == 200


def test_connections_are_closed_one_handful_after_the_other(start: Start, alice: User) -> None:
    server = start(drain_rate=0.1, drain_timeout=60)
    with server.connect(alice) as one, server.connect(alice) as two, server.connect(alice) as three:
        terminate(server)
        until_first = threading.Event()
        codes: list[int | None] = []

        def wait(client: Client) -> None:
            codes.append(client.closed())
            until_first.set()

        clients = [one, two, three]
        threads = [threading.Thread(target=wait, args=(client,), daemon=True) for client in clients]
        for thread in threads:
            thread.start()
        assert until_first.wait(20)
        assert codes == [1001]
        server.kill()
        for thread in threads:
            thread.join(10)


def test_the_whole_is_bounded_though_nobody_is_told(start: Start, alice: User) -> None:
    server = start(drain_notice=3600, drain_timeout=0.5)
    with server.connect(alice) as client:
        assert server.stop() == -signal.SIGTERM  # as uvicorn does it, in the end
        assert client.closed() in {1001, 1012}
    alice.refresh_from_db()
    assert not alice.is_online


def test_who_insists_does_not_wait(start: Start, alice: User) -> None:
    server = start(drain_notice=3600, drain_timeout=3600)
    with server.connect(alice) as client:
        terminate(server)
        until_unready(server, client)
        terminate(server, signal.SIGINT)
        assert server.process is not None
        server.process.wait(30)
        with suppress(ConnectionClosed):
            client.closed()


def test_many_are_all_told_and_nobody_stays_online(start: Start, person: Callable[[str], User]) -> None:
    server = start()
    users = [person(f"user{number}") for number in range(20)]
    clients = [server.connect(users[number % 20]) for number in range(300)]
    assert server.stop() == -signal.SIGTERM  # as uvicorn does it, in the end
    assert {client.closed() for client in clients} == {1001}
    assert not User.objects.filter(is_online=True).exists()


def test_a_poll_that_waits_is_answered(start: Start, alice: User) -> None:
    server = start()
    path = "/socket.io/?EIO=4&transport=polling"
    sid = json.loads(httpx.get(f"http://127.0.0.1:{server.port}{path}").text[1:])["sid"]
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as poll:
        poll.sendall(f"GET {path}&sid={sid} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
        assert server.status("/readyz") == 200  # the poll, which was sent before, has begun
        terminate(server)
        answer = b""
        while part := poll.recv(4096):
            answer += part
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\n1")
    assert server.process is not None
    assert server.process.wait(20) == -signal.SIGTERM


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
    server = start(drain_timeout=2)
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
    server = start(drain_notice=1)
    with server.connect(alice) as client:
        terminate(server)
        until_unready(server, client)
        assert server.stop() == -signal.SIGTERM
        assert client.closed() == 1001
    alice.refresh_from_db()
    assert not alice.is_online
