"""`manage.py run` as a process of its own, on a SQLite in a folder of its own."""

import atexit
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO, Any
from urllib.request import Request, urlopen

from tests.services import free_port

ROOT = Path(__file__).resolve().parents[2]
STOP_TIMEOUT = 30.0


class Demonstration:
    """It keeps its port and its folder, however often it is stopped and started."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.port = free_port()
        self.process: subprocess.Popen[str] | None = None
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "realtime_project.settings",  # pytest-django has put the tests' there
            "ENVIRONMENT": "development",
            "DATA_DIR": str(folder),
            "DATABASE_URL": "",
            "REDIS_URL": "",
            **settings,
        }
        self.environment.pop("PORT", None)
        atexit.register(self.stop)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> list[str]:
        """Return when it is ready for clients, with all that it has printed."""
        self.printed = SimpleQueue[str | None]()
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "run", "--port", str(self.port)],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        self.reader = Thread(target=self._read, args=(self.process.stdout, self.printed), daemon=True)
        self.reader.start()
        return self.lines_until("Stop with Ctrl-C.")

    def lines_until(self, words: str) -> list[str]:
        """What it prints, up to the line with these words."""
        lines: list[str] = []
        for line in self._output():
            lines.append(line)
            if words in line:
                return lines
        raise AssertionError(f"It ended without saying {words!r}:\n{''.join(lines)}")

    def rest(self) -> str:
        """What it prints until it and its worker have ended."""
        return "".join(self._output())

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int | None:
        """End it; its exit code."""
        process, self.process = self.process, None
        if process is None:
            return None
        process.send_signal(how)
        code = process.wait(STOP_TIMEOUT)
        self.reader.join(STOP_TIMEOUT)  # the pipe ends when the worker has, too
        return code

    def manage(self, *words: str) -> str:
        """What another command on the same data prints."""
        run = [sys.executable, "manage.py", *words]
        done = subprocess.run(run, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ask(self, path: str, body: Any = None, *, token: str = "", method: str = "") -> Any:
        """The JSON that the address answers; HTTPError if it refuses."""
        request = Request(
            f"{self.url}{path}",
            method=method or ("GET" if body is None else "POST"),
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})},
        )
        with urlopen(request, timeout=STOP_TIMEOUT) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def _output(self) -> Iterator[str]:
        while (line := self.printed.get()) is not None:
            yield line

    @staticmethod
    def _read(pipe: IO[str], printed: "SimpleQueue[str | None]") -> None:
        """All the time, so that it never waits for a full pipe: a server that does answers nobody."""
        with pipe:
            for line in pipe:
                printed.put(line)
        printed.put(None)
