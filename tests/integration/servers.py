"""Server processes as a deployment runs them, on the database of the running test."""

import atexit
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self
from urllib.error import URLError
from urllib.request import Request, urlopen

from accounts.models import User
from accounts.tokens import access_token
from realtime.testing import Client
from tests.services import environment, free_port, guarded

START_TIMEOUT = 120.0
STOP_TIMEOUT = 30.0
ROOT = Path(__file__).resolve().parents[2]
SHORT = {"REALTIME_OFFLINE_GRACE": "0.2", "REALTIME_DRAIN_NOTICE": "0", "LOG_JSON": "1"}


class ServerProcess:
    """One `manage.py serve`."""

    def __init__(self, **settings: str) -> None:
        self.port = free_port()
        self.log = Path(tempfile.mkdtemp(prefix="server-")) / "log"
        self._environment = environment(**{**SHORT, **settings})
        self.process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        atexit.register(self.stop)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/"

    def start(self) -> Self:
        """Return when it is ready for clients."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--port", str(self.port)],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        self._guard = guarded(self.process, signal.SIGKILL, self.log.parent)
        deadline = time.monotonic() + START_TIMEOUT
        while self.status("/readyz") != 200:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()  # else it would go on with the outbox of other tests
                raise AssertionError(self.log.read_text())
            time.sleep(0.05)
        return self

    def stop(self) -> int | None:
        """End it as a deployment does; its exit code. It has ended, also if that took too long."""
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_TIMEOUT)
        finally:
            self.kill()

    def kill(self) -> None:
        """End it as a crash does."""
        process, self.process = self.process, None
        guard, self._guard = self._guard, None
        assert process is not None
        assert guard is not None
        process.kill()
        process.wait()
        guard.kill()
        guard.communicate()

    def status(self, path: str) -> int | None:
        """The HTTP status of a GET; None if nobody answers."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return int(answer.status)
        except URLError as error:
            return getattr(error, "code", None)
        except OSError:
            return None

    def rest(self, user: User, method: str, path: str, body: Any = None) -> Any:
        """The JSON that `/api/` answers to this user; HTTPError if it refuses."""
        return self.rest_with(access_token(user), method, path, body)

    def rest_with(self, token: str, method: str, path: str, body: Any = None) -> Any:
        """The same for the owner of a token."""
        request = Request(
            f"http://127.0.0.1:{self.port}/api/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urlopen(request, timeout=10) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def connect(self, user: User, **options: Any) -> Client:
        """A greeted client."""
        token = options.pop("token", None) or access_token(user)
        client = Client(self.url, token=token, user_id=str(user.pk), **options)
        client.expect("connected")
        return client
