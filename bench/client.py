"""The load client: compiled from load/, and one run of it."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.cases import Case
from bench.processes import pinned

SOURCES = sorted(Path(__file__).with_name("load").glob("*.c"))
MESSAGE = '{"room":"room%R","seq":%S,"ts":%T,"user":"alice","text":"hello hello hello hello, world"}'
TIMEOUT = 300.0


@dataclass(frozen=True)
class Wire:
    """What the client says to a kind of server; %M is the message, the other signs stand in load/main.c."""

    path: str
    message: str
    echo: str
    echo_path: str = ""
    sio: str = ""  # Socket.IO's CONNECT
    header: str = ""
    init: str = ""
    ready: str = ""  # in the answer to `init`, and to `query`
    query: str = ""  # ask for a query of a second; ours alone

    def words(self, case: Case) -> list[str]:
        """Its part of the command line."""
        is_echo = case.mode == "echo"
        words = {
            "path": self.echo_path if is_echo and self.echo_path else self.path,
            "message": (self.echo if is_echo else self.message).replace("%M", MESSAGE),
            "sio": self.sio,
            "header": self.header,
            "init": self.init,
            "ready": self.ready,
        }
        return [word for name, value in words.items() if value for word in (f"--{name}", value)]


@dataclass(frozen=True)
class Pace:
    """How long each run lasts, in seconds."""

    duration: float
    warmup: float


@dataclass(frozen=True)
class Figures:
    """What one run gave."""

    cpu: float = 0.0  # microseconds of server CPU for each delivery; 0 where nothing is said
    redis: float = 0.0  # the same of Redis
    rate: float = 0.0  # deliveries a second
    p50: float = 0.0  # milliseconds
    p99: float = 0.0
    memory: float = 0.0  # KiB a connection; 0 where it is not measured
    lost: int = 0
    uneven: int = 0  # connections that heard more or less than was said
    closed: int = 0  # connections that the server ended
    client: float = 0.0  # the client's share of its CPU
    sample: str = ""  # a frame as it came
    error: str = ""
    notes: list[str] = field(default_factory=list)


class Client:
    """The compiled program."""

    def __init__(self, folder: Path, cpu: int | None) -> None:
        compiler = shutil.which("gcc") or shutil.which("clang")
        if compiler is None:
            raise SystemExit(
                "The load client is written in C: install gcc (Debian, Ubuntu: apt-get install gcc libc6-dev)."
            )
        self._program, self._cpu = folder / "wsload", cpu
        subprocess.run([compiler, "-O2", "-Wall", "-o", str(self._program), *map(str, SOURCES)], check=True)

    def command(self, case: Case, wire: Wire, port: int, pace: Pace) -> list[str]:
        """The command line of a load."""
        load: dict[str, object] = {"mode": case.mode, "connections": case.connections}
        load |= {"rooms": case.rooms, "window": case.window, "rate": case.rate}
        load |= {"port": port, "duration": pace.duration, "warmup": pace.warmup}
        words = [word for name, value in load.items() for word in (f"--{name}", str(value))]
        return [str(self._program), *words, *wire.words(case)]

    def run(
        self, case: Case, wire: Wire, port: int, pace: Pace, *, pids: Sequence[str], extra: Sequence[str]
    ) -> Figures:
        """One run against a server that answers at the port; `pids` are NAME=PID."""
        command = [*self.command(case, wire, port, pace), *(word for pid in pids for word in ("--pid", pid)), *extra]
        try:
            with pinned(self._cpu):
                ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        except subprocess.TimeoutExpired:
            return Figures(error=f"the client had not ended after {TIMEOUT:.0f} s")
        try:
            printed = json.loads(ended.stdout)
        except ValueError:
            return Figures(error=(ended.stderr or f"the client ended with {ended.returncode}").strip())
        return (
            Figures(error=f"{printed['error']} {ended.stderr}".strip())
            if "error" in printed
            else _figures(case, printed)
        )


def _figures(case: Case, printed: dict[str, Any]) -> Figures:
    server, delivered = printed["processes"]["server"], printed["delivered"]
    if case.is_memory:
        return Figures(memory=server["kib_a_connection"], closed=printed["closed"])
    if not delivered:
        return Figures(error="nothing was delivered")
    return Figures(
        cpu=server["cpu_s"] * 1e6 / delivered,
        redis=printed["processes"]["redis"]["cpu_s"] * 1e6 / delivered,
        rate=delivered / printed["seconds"],
        p50=printed["p50_ms"],
        p99=printed["p99_ms"],
        lost=printed["lost"],
        uneven=printed["uneven"],
        closed=printed["closed"],
        client=printed["client_share"],
        sample=printed["sample"],
    )
