"""The network between a client and the application, without a network: requests and WebSockets."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Self

from realtime.outbound import Frame
from realtime.transports.engineio.app import EngineApp
from realtime.transports.engineio.contracts import Handler
from realtime.transports.engineio.packets import MESSAGE, Packet
from realtime.transports.engineio.session import EngineSession
from tests.realtime.waiting import soon, until


def frame(message: Packet, *, is_droppable: bool = False) -> Frame:
    """A frame of one message."""
    return Frame.of(MESSAGE + message if isinstance(message, str) else message, is_droppable=is_droppable)


class Layer(Handler):
    """The layer above: notes what it hears, and is as slow as it is told to be."""

    def __init__(self, session: EngineSession) -> None:
        self.session = session
        self.messages: list[Packet] = []
        self.ends: list[str] = []
        self.error: Exception | None = None
        self.listens = asyncio.Event()
        self.listens.set()
        self.dawdles = False

    async def on_message(self, message: Packet) -> None:
        await self.listens.wait()
        if self.dawdles:
            await asyncio.sleep(0)
        self.messages.append(message)
        if self.error is not None:
            raise self.error

    def on_close(self, reason: str) -> None:
        self.ends.append(reason)
        if self.error is not None:
            raise self.error


class Engine:
    """The application, and the layers of all its sessions."""

    def __init__(self) -> None:
        self.app = EngineApp(self.on_open)
        self.layers: list[Layer] = []
        self.greet: Callable[[EngineSession], Awaitable[None]] | None = None
        self.tasks: list[asyncio.Task[None]] = []

    async def on_open(self, session: EngineSession) -> Layer:
        if self.greet is not None:
            await self.greet(session)
        self.layers.append(Layer(session))
        return self.layers[-1]

    def request(self, method: str, query: str, **more: Any) -> "Request":
        """A request that is under way."""
        request = Request(self.app, method, query, **more)
        self.tasks.append(request.task)
        return request

    def websocket(self, query: str, **more: Any) -> "Socket":
        """A WebSocket that is opening."""
        socket = Socket(self.app, query, **more)
        self.tasks.append(socket.task)
        return socket

    async def polling(self) -> "Polling":
        """A session that polls."""
        answer = await self.request("GET", "EIO=4&transport=polling").answered()
        return Polling(self, json.loads(answer.text[1:])["sid"])

    async def connected(self) -> tuple["Socket", Layer]:
        """A session on a WebSocket alone."""
        socket = await self.websocket("EIO=4&transport=websocket").got(1)
        assert str(socket.packets.pop(0))[0] == "0"
        return socket, self.layers[-1]


class Polling:
    """The client of a session that polls."""

    def __init__(self, engine: Engine, sid: str) -> None:
        self.engine, self.sid = engine, sid
        self.layer = engine.layers[-1]
        self.session = engine.app.sessions[sid]

    def get(self) -> "Request":
        """A poll that is under way."""
        return self.engine.request("GET", f"EIO=4&transport=polling&sid={self.sid}")

    def post(self, *bodies: str | bytes, **more: Any) -> "Request":
        """A POST that is under way, in one chunk or several."""
        return self.engine.request("POST", f"EIO=4&transport=polling&sid={self.sid}", bodies=bodies, **more)

    async def polled(self) -> "Request":
        """A poll that waits."""
        request = self.get()
        await until(lambda: self.session.requests.is_polled)
        return request

    def websocket(self) -> "Socket":
        """A WebSocket that wants to become the transport."""
        return self.engine.websocket(f"EIO=4&transport=websocket&sid={self.sid}")

    async def probed(self) -> "Socket":
        """One that has proved itself."""
        socket = self.websocket()
        socket.say("2probe")
        await socket.got(1)
        assert socket.packets.pop(0) == "3probe"
        return socket

    async def upgraded(self) -> "Socket":
        """One that has become the transport."""
        socket = await self.probed()
        socket.say("5")
        await until(lambda: self.session.has_line)
        return socket


class Exchange:
    """One ASGI call: `receive` takes from a queue, and `send` waits while the client does not read."""

    def __init__(self, app: EngineApp, scope: dict[str, Any], headers: dict[str, str]) -> None:
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: list[dict[str, Any]] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.error: Exception | None = None
        self.error_after = 0  # messages
        lines = {"host": "testserver", **headers}
        self.scope = scope | {
            "path": "/socket.io/",
            "client": ("127.0.0.1", 50000),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in lines.items()],
        }
        self.task: asyncio.Task[None] = asyncio.create_task(app(self.scope, self.incoming.get, self.send))

    async def send(self, message: dict[str, Any]) -> None:
        """What the application has to say."""
        await self.reads.wait()
        if self.error is not None and len(self.sent) >= self.error_after:
            raise self.error
        self.sent.append(message)

    async def ended(self) -> Self:
        """Wait until the application is done."""
        await soon(asyncio.wait([self.task]))
        self.task.result()
        return self


class Request(Exchange):
    """An HTTP request, with a body of one chunk or several."""

    def __init__(
        self,
        app: EngineApp,
        method: str,
        query: str,
        *,
        bodies: tuple[str | bytes, ...] = (b"",),
        is_whole: bool = True,
        **headers: str,
    ) -> None:
        scope = {"type": "http", "method": method, "query_string": query.encode(), "scheme": "http"}
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        super().__init__(app, scope, names)
        for number, body in enumerate(bodies, start=1):
            self.chunk(body, more=number < len(bodies) or not is_whole)

    def chunk(self, body: str | bytes, *, more: bool) -> None:
        """Send a part of the body."""
        raw = body.encode() if isinstance(body, str) else body
        self.incoming.put_nowait({"type": "http.request", "body": raw, "more_body": more})

    def leave(self) -> None:
        """The client goes away."""
        self.incoming.put_nowait({"type": "http.disconnect"})

    async def answered(self) -> Self:
        """Wait for the answer."""
        await self.ended()
        assert self.sent, "there is no answer"
        return self

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def text(self) -> str:
        body: bytes = self.sent[1]["body"]
        return body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}


class Socket(Exchange):
    """A WebSocket. `packets` is all that came."""

    def __init__(self, app: EngineApp, query: str, **headers: str) -> None:
        scope = {"type": "websocket", "query_string": query.encode(), "scheme": "ws", "subprotocols": []}
        self.packets: list[Packet] = []
        self.close_code: int | None = None
        super().__init__(app, scope, headers)
        self.incoming.put_nowait({"type": "websocket.connect"})

    async def send(self, message: dict[str, Any]) -> None:
        """Take what the application sends; after its close frame comes the disconnect."""
        await super().send(message)
        if message["type"] == "websocket.send":
            self.packets.append(message["text"] if message.get("text") is not None else message["bytes"])
        elif message["type"] == "websocket.close":
            self.close_code = message["code"]
            self.leave(message["code"])

    def say(self, *packets: Packet) -> None:
        """Send packets."""
        for packet in packets:
            key = "text" if isinstance(packet, str) else "bytes"
            self.incoming.put_nowait({"type": "websocket.receive", key: packet})

    def leave(self, code: int = 1005) -> None:
        """Go away."""
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": code})

    async def got(self, number: int) -> Self:
        """Wait until so many packets have come."""
        await until(lambda: len(self.packets) >= number or self.task.done())
        assert len(self.packets) >= number, f"closed with {self.close_code} after {self.packets}"
        return self

    async def closed(self) -> int | None:
        """Wait for the end; the code of the close frame."""
        await self.ended()
        return self.close_code
