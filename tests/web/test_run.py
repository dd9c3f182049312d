"""`manage.py run`, as a process."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from tests.web.demonstration import ROOT, Demonstration
from web.demo import PASSWORD
from web.management.commands import run
from web.management.commands.run import browsable, listen, make_folder, unapplied_migrations


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Does not exist before the first start; whoever comes later finds it prepared."""
    return tmp_path_factory.mktemp("run") / "new" / "data"


@pytest.fixture
def demonstration(folder: Path) -> Iterator[Demonstration]:
    """Not started."""
    demonstration = Demonstration(folder)
    yield demonstration
    demonstration.stop()


def worker_of(demonstration: Demonstration) -> int:
    """The process id of the worker, when it works."""
    demonstration.lines_until("Starting worker")
    assert demonstration.process is not None
    tasks = Path(f"/proc/{demonstration.process.pid}/task")
    [worker] = {child for file in tasks.glob("*/children") for child in file.read_text().split()}
    assert "web.worker_process" in Path(f"/proc/{worker}/cmdline").read_text()
    return int(worker)


linux = pytest.mark.skipif(sys.platform != "linux", reason="looks for child processes in /proc")


@pytest.mark.slow
def test_the_first_start_prepares_all_and_the_second_finds_it(tmp_path: Path) -> None:
    demonstration = Demonstration(tmp_path / "data")
    first = "".join(demonstration.start())
    assert re.search(r"Preparing the database \(\d+ migrations\)", first)
    assert f"Ready at {demonstration.url}" in first
    for word in ("alice", "bob", "carol", "admin", PASSWORD):
        assert word in first
    assert demonstration.ask("readyz")["status"] == "ok"
    assert demonstration.ask("api/auth/token", {"username": "alice", "password": PASSWORD})["access"]
    assert demonstration.stop() == 0
    second = "".join(demonstration.start())
    assert "Preparing" not in second
    assert demonstration.ask("readyz")["status"] == "ok"
    demonstration.stop()


@linux
@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_both_processes(demonstration: Demonstration, how: signal.Signals) -> None:
    demonstration.start()
    worker = worker_of(demonstration)
    assert demonstration.stop(how) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


@linux
@pytest.mark.slow
def test_a_dead_worker_is_reported_and_replaced(demonstration: Demonstration) -> None:
    demonstration.start()
    dead = worker_of(demonstration)
    os.kill(dead, signal.SIGKILL)
    demonstration.lines_until("the background worker ended with code -9")
    assert worker_of(demonstration) != dead


@linux
@pytest.mark.slow
def test_the_worker_does_not_outlive_a_killed_server(demonstration: Demonstration) -> None:
    demonstration.start()
    worker_of(demonstration)
    assert demonstration.process is not None
    demonstration.process.kill()
    assert "shutting down gracefully" in demonstration.rest()


def test_a_taken_port_is_an_error_that_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(CommandError, match=rf"port {port}: .*in use.*PORT={port + 1} make run"):
            call_command("run", port=port)


def test_a_host_that_is_not_here_is_an_error() -> None:
    with pytest.raises(CommandError, match=r"Cannot listen on 203\.0\.113\.1"):
        listen("203.0.113.1", 0)


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="Set DATA_DIR"):
        make_folder(tmp_path / "file" / "data")


def test_a_database_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "MigrationExecutor", Mock(side_effect=OperationalError("refused")))
    with pytest.raises(CommandError, match="does not answer: refused"):
        unapplied_migrations()


def test_a_port_that_is_no_number_is_an_error_without_a_traceback(demonstration: Demonstration) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "run"],
        cwd=ROOT,
        env={**demonstration.environment, "PORT": "eight"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "invalid int value: 'eight'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.django_db
def test_a_prepared_database_needs_nothing() -> None:
    assert unapplied_migrations() == 0


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "localhost"),  # noqa: S104 -- only shown
        ("::", "localhost"),
        ("::1", "[::1]"),
        ("box.lan", "box.lan"),
    ],
)
def test_the_address_is_one_that_a_browser_can_open(host: str, shown: str) -> None:
    assert browsable(host) == shown
