"""The runs: every case in rounds, in each round one server after the other, each started fresh."""

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.cases import Case
from bench.client import Client, Figures, Pace
from bench.private_redis import PrivateRedis, private_redis
from bench.processes import cpus, family, free_port, running
from bench.servers import Ours, Server

START_TIMEOUT = 40.0
CALM = 0.7  # from the first answer to the first client: what a server still does on starting
BUSY = 0.9  # a client with a larger share of its CPU measures itself


class NotStarted(Exception):
    """A server did not answer in time; what it wrote last."""


@dataclass(frozen=True)
class Run:
    """One run of one server."""

    case: Case
    server: Server
    round: int
    figures: Figures


@dataclass(frozen=True)
class Stage:
    """What all runs share."""

    folder: Path
    cpu: int | None  # of the server
    client_cpu: int | None
    client: Client
    redis: PrivateRedis
    ours: Ours

    def measure(self, case: Case, server: Server, pace: Pace) -> Figures:
        """One run against a fresh server."""
        try:
            with self.serving(server) as (process, port):
                signalled = process.pid if server.is_profiled else None
                return self.load(case, server, pace, process.pid, port, signalled=signalled)
        except NotStarted as error:
            return Figures(error=str(error))

    @contextmanager
    def serving(self, server: Server) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
        """A fresh server, with an empty Redis, and its port; NotStarted."""
        self.redis.empty()
        self.ours.renew()
        port = free_port()
        self._log.unlink(missing_ok=True)
        command, env = server.command(port, self.redis.url), server.env(self.ours, self.redis.url)
        with running(command, cpu=self.cpu, log=self._log, env=env) as process:
            if not _is_up(process, port):
                raise NotStarted(f"it did not start\n{self._tail()}")
            time.sleep(CALM)
            yield process, port

    def load(
        self, case: Case, server: Server, pace: Pace, pid: int, port: int, *, signalled: int | None = None
    ) -> Figures:
        """One load on a server that is running; the process `signalled` gets SIGUSR1 as it begins and as it ends."""
        pids = [f"server={one}" for one in family(pid)] + [f"redis={self.redis.pid}"]
        extra = ["--tokens", str(self.ours.tokens)]
        if signalled is not None:
            extra += ["--signal", str(signalled)]
        figures = self.client.run(case, server.wire, port, pace, pids=pids, extra=extra)
        if figures.error:
            return replace(figures, error=f"{figures.error}\n{self._tail()}".strip())
        return replace(figures, notes=_doubts(case, server, figures))

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    def _tail(self) -> str:
        return "\n".join(self._log.read_text().splitlines()[-5:])


@contextmanager
def stage() -> Iterator[Stage]:
    """Compile the client, start Redis and make the database, in a folder that is removed at the end."""
    server_cpu, client_cpu = cpus()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        client = Client(folder, client_cpu)
        with private_redis(folder, client_cpu) as redis:
            yield Stage(folder, server_cpu, client_cpu, client, redis, Ours(folder))


def runs(on: Stage, cases: Sequence[Case], servers: Sequence[Server], pace: Pace, rounds: int) -> Iterator[Run]:
    """A B C A B C: what disturbs the machine for a while disturbs all of them."""
    for case in cases:
        for number in range(rounds):
            for server in servers:
                yield Run(case, server, number, on.measure(case, server, pace))


def _is_up(process: "subprocess.Popen[bytes]", port: int) -> bool:
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            time.sleep(0.05)
    return False


def _doubts(case: Case, server: Server, figures: Figures) -> list[str]:
    doubts = []
    if figures.lost or figures.uneven:
        doubts.append(f"{figures.lost} deliveries lost, {figures.uneven} listeners heard more or less than was said")
    if figures.closed:
        doubts.append(f"{figures.closed} connections were ended by the server")
    if figures.client > BUSY:
        doubts.append(f"the client took {figures.client:.0%} of its CPU")
    if case.mode in {"fan", "pace"} and not server.is_as_meant(figures.sample):
        doubts.append(f"not what was meant to come: {figures.sample}")
    return doubts
