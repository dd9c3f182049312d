"""The end of a server with thousands of connections, half of them on each wire: who is told what, and when."""

import http.client
import json
import resource
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import redis

from bench.cases import Case
from bench.client import Pace
from bench.measuring import NotStarted, Stage
from bench.processes import pinned
from bench.servers import SERVERS, Server

NAME, TITLE = "drain", "the end of a server, by SIGTERM"
CONNECTIONS = 5000
SPARE_FILES = 500  # what a server opens beside its connections
PATIENCE = 90.0  # seconds for the server to end
LOOK = 0.01  # seconds between two looks at its readiness
SLICE = 0.1  # seconds
SOCKETS, USERS = "user:*:sockets", "presence:process:*:users"  # what presence keeps of who is connected


@dataclass(frozen=True)
class Drained:
    """What one end gave; times are in seconds from the signal."""

    round: int
    connections: int = 0
    unready: float = 0.0  # the first 503 of /readyz
    slowest: float = 0.0  # answer of /readyz before the server closed its port
    ends: list[float] = field(default_factory=list)  # of the connections, in order
    codes: dict[str, int] = field(default_factory=dict)
    known: int = 0  # devices that presence knew before
    left: int = 0  # and that it knows afterwards
    exited: float = 0.0
    status: int = 0
    error: str = ""

    @property
    def steepest(self) -> int:
        """The most connections that ended within one SLICE."""
        return max(Counter(int(end / SLICE) for end in self.ends).values(), default=0)


def runs(on: Stage, rounds: int, connections: int) -> Iterator[Drained]:
    """Each with a fresh server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # the server's, too: it is our child
    try:
        for number in range(rounds):
            try:
                yield _run(on, number, min(connections, hard - SPARE_FILES))
            except (NotStarted, ValueError, subprocess.TimeoutExpired) as error:
                yield Drained(number, error=str(error))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _run(on: Stage, number: int, connections: int) -> Drained:
    ours = [server for server in SERVERS if server.is_ours]
    with on.serving(ours[0]) as (process, port), _clients(on, ours, port, connections // len(ours)) as clients:
        known = _known(on, SOCKETS)
        begun = time.monotonic_ns()
        process.send_signal(signal.SIGTERM)
        readiness = Readiness(port, begun)
        status = process.wait(PATIENCE)
        exited = time.monotonic_ns()
        readiness.thread.join(PATIENCE)
        told = [end for client in clients for end in json.loads(client.communicate(timeout=PATIENCE)[0])["ends"]]
    return Drained(
        round=number,
        connections=len(told),
        unready=readiness.unready,
        slowest=readiness.slowest,
        ends=sorted((at - begun) / 1e9 for at, _ in told if at),
        codes=dict(Counter(str(code or "without a close frame") if at else "none" for at, code in told)),
        known=known,
        left=_known(on, SOCKETS) + _known(on, USERS),
        exited=(exited - begun) / 1e9,
        status=status,
    )


@contextmanager
def _clients(
    on: Stage, servers: Sequence[Server], port: int, connections: int
) -> Iterator[list["subprocess.Popen[str]"]]:
    """One load client a wire, whose connections are all open."""
    clients: list[subprocess.Popen[str]] = []
    try:
        for server in servers:
            case = Case(NAME, TITLE, "drain", connections)
            command = on.client.command(case, server.wire, port, Pace(PATIENCE, 0))
            command += ["--tokens", str(on.ours.tokens)]
            with pinned(on.client_cpu):
                clients.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        for client in clients:
            assert client.stdout is not None
            if "ready" not in (said := client.stdout.readline()):
                raise NotStarted(said or "a load client ended")
        yield clients
    finally:
        for client in clients:
            client.kill()
            client.wait()


def _known(on: Stage, pattern: str) -> int:
    with redis.Redis.from_url(on.redis.url) as client:
        return sum(int(client.scard(key)) for key in client.scan_iter(pattern, count=1000))


class Readiness:
    """Asks for it until nobody answers any more."""

    def __init__(self, port: int, begun: int) -> None:
        self.unready = self.slowest = 0.0
        self._port, self._begun = port, begun
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self) -> None:
        with suppress(OSError, http.client.HTTPException):
            while True:
                asked = time.monotonic_ns()
                connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
                connection.request("GET", "/readyz")
                status = connection.getresponse().status
                connection.close()
                answered = time.monotonic_ns()
                self.slowest = max(self.slowest, (answered - asked) / 1e9)
                if status == http.client.SERVICE_UNAVAILABLE and not self.unready:
                    self.unready = (answered - self._begun) / 1e9
                time.sleep(LOOK)


HEAD = (
    "round",
    "connections",
    "/readyz says 503 after, s",
    "its slowest answer, s",
    "first close frame, s",
    "last, s",
    "most in 0.1 s",
    "codes",
    "devices known, before and after",
    "exit after, s",
)


def table(drains: Iterable[Drained]) -> str:
    """A row a round, in Markdown; empty without any."""
    rows = [drained for drained in drains if not drained.error]
    if not rows:
        return ""
    lines = ["| " + " | ".join(HEAD) + " |", "|" + " ---: |" * len(HEAD)]
    lines += ["| " + " | ".join(_cells(row)) + " |" for row in rows]
    return f"**{TITLE[0].upper()}{TITLE[1:]}, half of the connections on each wire**\n\n" + "\n".join(lines)


def _cells(row: Drained) -> list[str]:
    codes = ", ".join(f"{code}: {count:,}" for code, count in sorted(row.codes.items()))
    times = [f"{row.unready:.3f}", f"{row.slowest:.2f}", *(f"{end:.2f}" for end in (row.ends[0], row.ends[-1]))]
    counts = [f"{row.steepest:,}", codes, f"{row.known:,}, {row.left:,}"]
    return [str(row.round + 1), f"{row.connections:,}", *times, *counts, f"{row.exited:.2f}"]


def line(drained: Drained) -> str:
    """One run, as progress."""
    if drained.error:
        return f"failed: {drained.error}"
    return "; ".join(f"{name} {cell}" for name, cell in zip(HEAD[1:], _cells(drained)[1:], strict=True))


def doubts(drains: Sequence[Drained]) -> list[str]:
    """What should be known beside the figures."""
    return [f"{TITLE}, round {one.round + 1}: {one.error.splitlines()[0]}" for one in drains if one.error]
