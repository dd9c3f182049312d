"""Engine.IO on real servers, and clients for it that do just what they are told."""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.integration.servers import ROOT
from tests.realtime.waiting import soon
from tests.services import environment, free_port

START_TIMEOUT = 120.0
APPLICATION = "tests.realtime.transports.engineio.application:application"
COMMANDS = {
    "uvicorn": (
        "uvicorn --lifespan off --ws websockets-sansio --ws-max-size 1000000 --ws-per-message-deflate false "
        "--loop uvloop --no-access-log --timeout-graceful-shutdown 1 --port"
    ),
    "ours": "tests.realtime.transports.engineio.ours",
    "daphne": "daphne -v 0 --ping-interval 25 --ping-timeout 60 -p",
}
COMPLAINTS = ("Exception in ASGI application", "Exception inside application", "never retrieved", "was destroyed")


class EngineServer:
    """A process of uvicorn, with its own WebSocket protocol or with ours, or of daphne."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = Path(tempfile.mkdtemp(prefix=f"{kind}-")) / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Return when it answers."""
        run = [sys.executable, "-m", *COMMANDS[self.kind].split(), str(self.port), APPLICATION]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(run, cwd=ROOT, env=environment(), stdout=log, stderr=log)
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)
        return self

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/settings").is_success
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        """End it as a deployment does."""
        process, self.process = self.process, None
        if process is not None:
            process.terminate()
            process.wait(30)

    def complaints(self) -> list[str]:
        """What it has against the application."""
        lines = self.log.read_text().splitlines()
        return [line for line in lines if any(complaint in line for complaint in COMPLAINTS)]

    def configure(self, **settings: float) -> None:
        """Settings of the core from now on; without any, the defaults."""
        parameters = {name.upper(): str(value) for name, value in settings.items()}
        httpx.get(f"{self.url}/settings", params=parameters).raise_for_status()


class Client:
    """The requests and WebSockets of one client; `sid` is its session."""

    def __init__(self, server: EngineServer) -> None:
        self.server = server
        self.http = httpx.AsyncClient(base_url=server.url, timeout=10)
        self.sid = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.http.aclose()

    def path(self, transport: str = "polling") -> str:
        """Where its session is."""
        return f"/socket.io/?EIO=4&transport={transport}" + (f"&sid={self.sid}" if self.sid else "")

    async def open(self) -> Self:
        """A handshake over polling."""
        answer = await self.get()
        assert answer.status_code == 200, answer.text
        self.sid = json.loads(answer.text[1:])["sid"]
        return self

    async def get(self) -> httpx.Response:
        """A handshake or a poll."""
        return await self.http.get(self.path())

    async def post(self, body: Any) -> httpx.Response:
        """A POST; an async iterator is sent in chunks."""
        return await self.http.post(self.path(), content=body)

    async def state(self) -> dict[str, Any]:
        """What the server knows of its session."""
        answer = await self.http.get(f"/state?{self.sid}")
        return dict(answer.json())

    async def ends(self) -> list[str]:
        """Why the session has ended, as soon as it has."""
        while not (ends := (await self.state())["ends"]):
            pass
        return list(ends)

    async def polled(self) -> None:
        """Return when the server has its poll."""
        while not (await self.state())["is_polled"]:
            pass

    def websocket(self, query: str = "", *, origin: str | None = None) -> connect:
        """A WebSocket: to its session if it has one."""
        url = self.server.url.replace("http", "ws")
        path = f"/socket.io/?{query}" if query else self.path("websocket")
        headers = {"origin": origin} if origin else {}
        return connect(url + path, compression=None, max_size=None, additional_headers=headers)


async def closed(socket: ClientConnection) -> int | None:
    """The code that the server closes with; whatever comes before is passed over."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            await soon(socket.recv())
    return socket.close_code
