"""No test leaves a server behind: it would send what another one's servers have to send."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration import servers
from tests.integration.servers import ROOT, ServerProcess

PATIENCE = 10.0
KILLED = """
import os, pathlib, signal, subprocess, sys
from tests.services import guarded
process = subprocess.Popen(["sleep", "1000"], stdout=subprocess.DEVNULL, start_new_session=True)
guarded(process, signal.SIGKILL, pathlib.Path(sys.argv[1]))
print(process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def is_alive(pid: int) -> bool:
    """Whether it runs; not if it has ended and nobody has asked how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ends(pid: int) -> bool:
    """Whether it comes to its end."""
    deadline = time.monotonic() + PATIENCE
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not is_alive(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_server_ends_with_a_test_run_that_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    run = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, timeout=60, check=False
    )
    assert run.returncode == -signal.SIGKILL
    assert ends(int(run.stdout))


@pytest.mark.django_db(transaction=True)
def test_a_server_that_does_not_become_ready_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "START_TIMEOUT", 0.0)
    server = ServerProcess()
    begun: list[int] = []
    popen = subprocess.Popen

    def noted(words: list[str], **options: object) -> "subprocess.Popen[bytes]":
        process: subprocess.Popen[bytes] = popen(words, **options)  # type: ignore[call-overload]
        begun.append(process.pid)
        return process

    monkeypatch.setattr(subprocess, "Popen", noted)
    with pytest.raises(AssertionError):
        server.start()
    assert begun
    assert not any(map(is_alive, begun))


@pytest.mark.django_db(transaction=True)
def test_a_server_that_does_not_stop_in_time_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ServerProcess().start()
    assert server.process is not None
    pid = server.process.pid
    os.kill(pid, signal.SIGSTOP)  # it hears no SIGTERM
    monkeypatch.setattr(servers, "STOP_TIMEOUT", 0.1)
    with pytest.raises(subprocess.TimeoutExpired):
        server.stop()
    assert not is_alive(pid)
