"""The network to a client, in the place of a server: it can be slow, stop reading, and break."""

import asyncio
import json
from typing import Any, Self

from accounts.models import User
from accounts.tokens import access_token
from realtime_project.asgi import application
from tests.realtime.waiting import soon, until


class Socket:
    """One WebSocket, straight into the ASGI application. `frames` is all that came."""

    def __init__(self, user: User | None = None, *, token: str = "", **scope: Any) -> None:
        token = token or (access_token(user) if user is not None else "")
        self.user = user
        self.frames: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []  # as the application sent them
        self.close_code: int | None = None
        self.reads = asyncio.Event()  # a client that does not read holds up who sends to it
        self.reads.set()
        self.is_broken = False
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        headers = [(b"host", b"testserver"), *scope.pop("headers", [])]
        if token:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        self.scope = {
            "type": "websocket",
            "path": "/ws/",
            "scheme": "ws",
            "query_string": b"",
            "client": ("127.0.0.1", 50000),
            "subprotocols": [],
            "headers": headers,
            **scope,
        }
        self.task: asyncio.Task[None] | None = None

    def open(self, app: Any = application) -> Self:
        """Begin; the greeting comes later."""
        self._incoming.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(app(self.scope, self._incoming.get, self._send))
        return self

    async def greeted(self) -> Self:
        """Begin, and wait for the greeting."""
        await self.open().expect("connected")
        return self

    async def _send(self, message: dict[str, Any]) -> None:
        await self.reads.wait()
        if self.is_broken:
            raise ConnectionResetError("the client has gone")
        self.messages.append(message)
        if message["type"] == "websocket.send":
            self.frames.append(json.loads(message["text"]))
        elif message["type"] == "websocket.close":
            self.close_code = message["code"]
            self._incoming.put_nowait({"type": "websocket.disconnect", "code": message["code"]})

    def ask(self, event: str, data: Any = None, **more: Any) -> None:
        """Send a command."""
        frame = {"event": event, **({} if data is None else {"data": data}), **more}
        self._incoming.put_nowait({"type": "websocket.receive", "text": json.dumps(frame)})

    def say(self, **message: Any) -> None:
        """Send any message, `text` or `bytes`."""
        self._incoming.put_nowait({"type": "websocket.receive", **message})

    async def call(self, event: str, data: Any = None) -> dict[str, Any]:
        """The whole reply to a command."""
        identifier = f"call {len(self.messages)} {event}"
        self.ask(event, data, id=identifier)
        await until(lambda: any(frame.get("id") == identifier for frame in self.frames))
        return next(frame for frame in self.frames if frame.get("id") == identifier)

    def events(self, name: str) -> list[dict[str, Any]]:
        """The payloads of all events of that name so far."""
        return [frame["data"] for frame in self.frames if frame["event"] == name]

    async def expect(self, name: str) -> dict[str, Any]:
        """The payload of the first event of that name."""
        await until(lambda: bool(self.events(name)) or self.has_ended)
        assert self.events(name), f"{name} did not come; {self.frames}, closed with {self.close_code}"
        return self.events(name)[0]

    @property
    def has_ended(self) -> bool:
        """Whether the application is done with this client."""
        return self.task is not None and self.task.done()

    async def ended(self) -> int | None:
        """Wait until the application is done; the close code."""
        assert self.task is not None
        await soon(asyncio.wait([self.task]))
        await self.task
        return self.close_code

    async def leave(self) -> None:
        """Go, and wait until the application has noticed."""
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await self.ended()
