"""Servers end as they should, and daphne serves as well as uvicorn."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.models import User
from accounts.tokens import access_token
from chat.models import Conversation
from chat.services import create_conversation
from realtime.testing import Client
from tests.integration.servers import ROOT, START_TIMEOUT, ServerProcess
from tests.services import environment, free_port

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(transactional_db: None) -> Iterator[ServerProcess]:
    server = ServerProcess().start()
    yield server
    server.stop()


def test_on_sigterm_clients_are_sent_away_with_1001(server: ServerProcess, alice: User) -> None:
    with server.connect(alice) as one, server.connect(alice) as two:
        server.stop()
        assert (one.closed(), two.closed()) == (1001, 1001)
    alice.refresh_from_db()
    assert not alice.is_online


def test_after_a_kill_nobody_stays_online(server: ServerProcess, alice: User) -> None:
    with server.connect(alice) as client:
        while not User.objects.get(pk=alice.pk).is_online:
            client.call("ping")
        server.kill()
    server.start()
    with server.connect(alice) as client:  # any exchange: the reset comes before it, or right after
        client.close()
    while User.objects.get(pk=alice.pk).is_online:
        assert server.status("/healthz") == 200


def test_an_unknown_address_is_no_websocket(server: ServerProcess, alice: User) -> None:
    with pytest.raises(Exception, match="HTTP 403"), Client(server.url.replace("/ws/", "/nowhere/")):
        pass
    with Client(server.url.rstrip("/"), token=access_token(alice)) as client:
        assert client.expect("connected")
    assert "Traceback" not in server.log.read_text()


def test_a_port_that_is_taken_ends_the_server_with_an_error(server: ServerProcess) -> None:
    run = [sys.executable, "manage.py", "serve", "--port", str(server.port)]
    done = subprocess.run(run, cwd=ROOT, env=environment(), capture_output=True, timeout=30, check=False)
    assert done.returncode != 0
    assert b"address already in use" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "url",
    [
        "localhost:6379",
        "redis://localhost:port/0",
        "redis://:hunter2/3@localhost",
        "redis://localhost?no_such_option=hunter2",
        "redis://redis..local:6379",
    ],
)
@pytest.mark.parametrize("command", [["serve"], ["run"], ["serve", "--skip-checks"]], ids=" ".join)
def test_a_redis_url_that_is_none_ends_the_start_and_says_so(url: str, command: list[str], tmp_path: Path) -> None:
    run = [sys.executable, "manage.py", *command, "--port", str(free_port())]
    env = environment(REDIS_URL=url, DATA_DIR=str(tmp_path / "data"), LOG_JSON="1")
    env["COVERAGE_PROCESS_CONFIG"] = ""  # measuring would take a third of each of so many starts
    done = subprocess.run(run, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode not in {0, -signal.SIGTERM}
    assert "REDIS_URL is no address of a Redis." in done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr


@pytest.fixture
def daphne(transactional_db: None) -> Iterator[int]:
    """Daphne, which knows no ASGI lifespan, on a free port."""
    port = free_port()
    run = [sys.executable, "-m", "daphne", "-p", str(port), "-b", "127.0.0.1", "realtime_project.asgi:application"]
    process = subprocess.Popen(run, cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL)
    try:
        probe = ServerProcess()
        probe.port = port
        deadline = time.monotonic() + START_TIMEOUT
        while probe.status("/readyz") != 200:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield port
        process.terminate()
        process.wait(30)
    finally:
        process.kill()
        process.wait()


def test_people_talk_under_daphne_too(daphne: int, alice: User, bob: User) -> None:
    group: Conversation = create_conversation(creator_id=alice.pk, kind="direct", members=[bob.pk])
    url = f"ws://127.0.0.1:{daphne}/ws/"
    with Client(url, token=access_token(alice)) as one, Client(url, token=access_token(bob)) as two:
        one.expect("connected")
        two.expect("connected")
        one.call("message.send", {"conversationId": str(group.pk), "text": "under daphne"})
        assert two.expect("message.new")["text"] == "under daphne"
        one.socket.send("no json")
        assert one.closed() == 4007  # 1007 is none that daphne can send
    with Client(url, token="nonsense") as bad:
        assert bad.closed() == 4401
