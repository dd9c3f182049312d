"""The servers: how each is started, and how clients speak to it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.cases import MOST_CONNECTIONS
from bench.client import Wire
from bench.processes import ROOT

NODE = Path(__file__).with_name("node")
PEOPLE = f"""
from accounts.models import User
from accounts.tokens import access_token
names = [f"bench{{number}}" for number in range({MOST_CONNECTIONS})]
User.objects.bulk_create(User(username=name, password="!") for name in names)
for user in User.objects.all():
    print("token=" + access_token(user))
"""

PLAIN = Wire(
    path="/ws/",
    header="Authorization: Bearer %K",
    init='{"event":"rooms.subscribe","id":1,"data":{"room":"bench:room%R"}}',
    ready='"reply"',
    message='{"event":"bench.speak","data":%M}',
    echo='{"event":"bench.echo","id":1,"data":%M}',
    query='{"event":"bench.query","id":1,"data":{"seconds":1}}',
)
SOCKETIO = Wire(
    path="/socket.io/?EIO=4&transport=websocket",
    sio='40/bench,{"token":"%K"}',
    init='42/bench,0["join",{"room":"bench:room%R"}]',
    ready="43/bench,0",
    message='42/bench,["chat",%M]',
    echo='42/bench,["echo",%M]',
    query='42/bench,0["query",{"seconds":1}]',
)
STOCK = Wire(path="/ws/room%R", message="%M", echo="%M", echo_path="/echo")
NODE_WIRE = Wire(
    path="/socket.io/?EIO=4&transport=websocket",
    sio="40",
    init='420["join",["room%R","user%C","all"]]',
    ready="430",
    message='42["chat",%M]',
    echo='42["echo",%M]',
)


class Ours:
    """`manage.py serve` with this app, a database of its own, and people with tokens."""

    def __init__(self, folder: Path) -> None:
        self._template, self._data = folder / "template", folder / "data"
        self.tokens = folder / "tokens"
        self._template.mkdir()
        self._manage("migrate", "-v0")
        lines = self._manage("shell", "-v0", "-c", PEOPLE).splitlines()
        self.tokens.write_text(
            "".join(line.removeprefix("token=") + "\n" for line in lines if line.startswith("token="))
        )

    def env(self, redis_url: str, folder: Path | None = None) -> dict[str, str]:
        """The environment: as in production, but for the secrets."""
        ours = {
            "ENVIRONMENT": "development",
            "DEBUG": "0",
            "EXTRA_APPS": "bench",
            "LOG_LEVEL": "ERROR",
            "DATABASE_URL": "",
        }
        ours |= {"DATA_DIR": str(folder or self._data), "REDIS_URL": redis_url, "ALLOWED_HOSTS": "*"}
        return {**os.environ, "REALTIME_CONNECTIONS_PER_ADDRESS": "100000/minute", **ours}

    def renew(self) -> None:
        """The database as it was at first."""
        shutil.rmtree(self._data, ignore_errors=True)
        shutil.copytree(self._template, self._data)

    def _manage(self, *words: str) -> str:
        run = [sys.executable, "manage.py", *words]
        ended = subprocess.run(
            run, cwd=ROOT, env=self.env("", self._template), stdout=subprocess.PIPE, text=True, check=True
        )
        return ended.stdout


@dataclass(frozen=True)
class Server:
    """One of those that are compared."""

    name: str
    title: str
    wire: Wire
    command: Callable[[int, str], list[str]]  # port, address of Redis
    is_ours: bool = False
    is_profiled: bool = False  # SIGUSR1 when the load begins and when it ends
    is_as_meant: Callable[[str], bool] = lambda _: True  # a frame that a listener got
    lacks: Callable[[], str] = lambda: ""  # why it cannot run here

    def env(self, ours: Ours, redis_url: str) -> Mapping[str, str]:
        """Its environment."""
        return ours.env(redis_url) if self.is_ours else {**os.environ, "REDIS_URL": redis_url, "PYTHONPATH": str(ROOT)}


def serve(port: int, redis_url: str) -> list[str]:
    """Our server."""
    return [sys.executable, "manage.py", "serve", "--port", str(port)]


def _daphne(port: int, redis_url: str) -> list[str]:
    return [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "-v", "0", "bench.stock:application"]


def _node(port: int, redis_url: str) -> list[str]:
    return [shutil.which("node") or "node", str(NODE / "server.js"), str(port), redis_url]


def _install_node() -> str:
    npm = shutil.which("npm")
    if shutil.which("node") is None or npm is None:
        return "node and npm are not installed"
    installed, wanted = NODE / "node_modules" / ".package-lock.json", NODE / "package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= wanted.stat().st_mtime:
        return ""
    print("Installing bench/node/package-lock.json ...", flush=True)
    ended = subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--loglevel", "error"], cwd=NODE, check=False)
    if ended.returncode:
        return "npm ci failed"
    installed.touch()
    return ""


def _has_offset(frame: str) -> bool:
    return bool(json.loads(frame).get("offset"))


def _has_offset_behind(frame: str) -> bool:
    arguments = json.loads(frame.partition(",")[2])
    return len(arguments) == 3 and isinstance(arguments[2], str)


SERVERS = (
    Server("plain", "ours, plain wire", PLAIN, serve, is_ours=True, is_as_meant=_has_offset),
    Server("socketio", "ours, Socket.IO", SOCKETIO, serve, is_ours=True, is_as_meant=_has_offset_behind),
    Server("stock", "stock Channels, daphne, channels_redis", STOCK, _daphne),
    Server("node", "Node Socket.IO, Redis adapter", NODE_WIRE, _node, lacks=_install_node),
)
