"""The end of a server, seen by clients and by a balancer."""

import contextlib
import json
import signal
import threading
from collections.abc import Callable, Iterator

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from accounts.models import User
from realtime.testing import Client
from tests.integration.servers import ServerProcess

pytestmark = pytest.mark.django_db(transaction=True)

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
        with contextlib.suppress(ConnectionClosed):
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
    url = f"http://127.0.0.1:{server.port}/socket.io/?EIO=4&transport=polling"
    with httpx.Client(timeout=20) as http:
        sid = json.loads(http.get(url).text[1:])["sid"]
        answers: list[str] = []
        poll = threading.Thread(target=lambda: answers.append(http.get(f"{url}&sid={sid}").text), daemon=True)
        poll.start()
        while server.status("/readyz") != 200:  # a turn of the server, in which the poll has begun
            pass
        terminate(server)
        poll.join(20)
    assert answers == ["1"]
    assert server.process is not None
    assert server.process.wait(20) == -signal.SIGTERM
