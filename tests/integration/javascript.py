"""The official JavaScript client, in a Node process that many of them share: tests/javascript/driver.mjs."""

import itertools
import json
import shutil
import subprocess
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Self

import pytest

from tests.integration.clients import Heard, SocketIOClient

FOLDER = Path(__file__).resolve().parents[1] / "javascript"
QUICK = {"reconnectionDelay": 20, "reconnectionDelayMax": 50, "randomizationFactor": 0, "timeout": 5000}
TRANSPORTS: dict[str, dict[str, Any]] = {
    "default": {},
    "websocket": {"transports": ["websocket"]},
    "polling": {"transports": ["polling"]},
}


class Driver:
    """The Node process."""

    def __init__(self) -> None:
        node = shutil.which("node")
        if node is None:
            pytest.skip("Node is missing: install Node 20 or later, and run `make test` again.")
        if not (FOLDER / "node_modules" / "socket.io-client").is_dir():
            pytest.skip("The official JavaScript client is missing: run `npm ci` in tests/javascript.")
        self._queues: dict[str, SimpleQueue[Heard]] = {}
        self._writing = threading.Lock()
        self._process = subprocess.Popen(
            [node, "driver.mjs"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._reader = threading.Thread(target=self._read, name="javascript", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)  # until all clients have left: they end with the input
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def add(self, id: str, queue: "SimpleQueue[Heard]") -> None:
        """What happens to that socket goes there."""
        self._queues[id] = queue

    def send(self, **command: Any) -> None:
        """One of the commands that driver.mjs names."""
        assert self._process.stdin is not None
        assert self._process.poll() is None, "the JavaScript clients have crashed: see what Node wrote on stderr"
        with self._writing:
            self._process.stdin.write(json.dumps(command) + "\n")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            facts = json.loads(line)
            on, name = facts.pop("on"), facts.pop("name", "")
            arguments = facts.pop("result" if on == "ack" else "arguments", [])
            self._queues[facts.pop("id")].put(Heard(on, name, arguments, facts))


class JavaScriptClient(SocketIOClient):
    """One socket; `options` are those of `io()`. With `forceNew=False` those of one server share a connection."""

    _ids = itertools.count(1)

    def __init__(self, driver: Driver, url: str, **options: Any) -> None:
        super().__init__()
        self._driver, self._id = driver, str(next(self._ids))
        self._calls = itertools.count(1)
        driver.add(self._id, self._queue)
        driver.send(do="connect", id=self._id, url=url, options={"forceNew": True} | QUICK | options)

    def emit(self, name: str, *arguments: Any) -> None:
        self._driver.send(do="emit", id=self._id, arguments=[name, *arguments])

    def ask(self, name: str, *arguments: Any) -> int:
        number = next(self._calls)
        self._driver.send(do="call", id=self._id, call=number, arguments=[name, *arguments])
        return number

    def disconnect(self) -> None:
        self.do("disconnect")

    def do(self, command: str, **more: Any) -> None:
        """`cut`, `close`, `reconnect` and the like."""
        self._driver.send(do=command, id=self._id, **more)

    @property
    def transport(self) -> str:
        return str(self.state["transport"])

    @property
    def state(self) -> dict[str, Any]:
        """`connected`, `recovered`, `sid`, `pid` and `transport` as they are now."""
        self.do("state")
        return self.happens("state")

    def receive(self, timeout: float = 10.0) -> Heard:
        heard = super().receive(timeout)
        is_whole = heard.facts.get("offset") is not None or not heard.facts.get("isRecoverable")
        assert is_whole, f"an event without its offset, which the client would take from its last argument: {heard}"
        return heard
