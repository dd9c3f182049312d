"""A Socket.IO client of raw packets on a WebSocket without a network, with a reader of packets of its own."""

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from realtime_project.asgi import application
from tests.realtime.waiting import soon, until

JAVASCRIPT = "EIO=4&transport=websocket"
"""The query of the official JavaScript client, which can resume its session."""
PYTHON = "transport=websocket&EIO=4"
"""That of the Python client, which cannot."""
HEAD = re.compile(r"(\d)(?:(\d+)-)?(?:(/[^,]*),)?(\d+)?")


class Heard(NamedTuple):
    """A packet of the server, whole."""

    kind: int
    namespace: str
    id: int | None
    data: Any


class Client:
    """One connection. `raw` is all that came but pings, `packets` the same taken apart."""

    def __init__(self, query: str = JAVASCRIPT, *, app: Any = application, **more: Any) -> None:
        self.raw: list[str | bytes] = []
        self.packets: list[Heard] = []
        self.pings = 0
        self.opening: dict[str, Any] = {}  # the handshake of Engine.IO
        self.close_code: int | None = None
        self.reads = asyncio.Event()  # a client that does not read holds up who sends to it
        self.reads.set()
        self._ids = iter(range(1_000_000, 2_000_000))
        self._partial: tuple[Heard, int, list[bytes]] | None = None
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.scope = {
            "type": "websocket",
            "path": "/socket.io/",
            "scheme": "ws",
            "query_string": query.encode(),
            "client": ("127.0.0.1", 50000),
            "subprotocols": [],
            **more,
            "headers": [(b"host", b"testserver"), *more.get("headers", [])],
        }
        self._incoming.put_nowait({"type": "websocket.connect"})
        self.task: asyncio.Task[None] = asyncio.create_task(app(self.scope, self._incoming.get, self._send))

    async def opened(self) -> Self:
        """Wait for Engine.IO."""
        await until(lambda: bool(self.opening) or self.task.done())
        assert self.opening, f"closed with {self.close_code}"
        return self

    # -- from the server ----------------------------------------------------------------------

    async def _send(self, message: dict[str, Any]) -> None:
        await self.reads.wait()
        if message["type"] == "websocket.close":
            self.close_code = message["code"]
            self._incoming.put_nowait({"type": "websocket.disconnect", "code": message["code"]})
        elif message["type"] == "websocket.send":
            self._hear(message["text"] if message.get("text") is not None else message["bytes"])

    def _hear(self, part: str | bytes) -> None:
        if part == "2":
            self.pings += 1
        elif isinstance(part, str) and part.startswith("0"):
            self.opening = json.loads(part[1:])
        else:
            self.raw.append(part)
            self._read(part)

    def _read(self, part: str | bytes) -> None:
        if isinstance(part, bytes):
            assert self._partial is not None, "an attachment of nothing"
            packet, number, blobs = self._partial
            blobs.append(part)
            if len(blobs) == number:
                self._partial = None
                self.packets.append(packet._replace(data=_filled(packet.data, blobs)))
            return
        assert self._partial is None, "a text between attachments"
        assert part.startswith("4"), part
        head = HEAD.match(part, 1)
        assert head is not None, part
        body = part[head.end() :]
        packet = Heard(
            int(head[1]), head[3] or "/", int(head[4]) if head[4] else None, json.loads(body) if body else None
        )
        if head[2]:
            self._partial = packet, int(head[2]), []
        else:
            self.packets.append(packet)

    # -- to the server ------------------------------------------------------------------------

    def say(self, *parts: str | bytes) -> None:
        """Send WebSocket messages as they are."""
        for part in parts:
            self._incoming.put_nowait({"type": "websocket.receive", "text" if isinstance(part, str) else "bytes": part})

    def pong(self) -> None:
        """Answer a ping."""
        self.say("3")

    def ask_in(self, namespace: str = "/", auth: Any = None) -> None:
        """Send CONNECT."""
        self.say("40" + ("" if namespace == "/" else namespace + ",") + ("" if auth is None else json.dumps(auth)))

    def emit(self, namespace: str, *event: Any, id: int | None = None) -> None:
        """Send an event, name first; attachments for bytes."""
        blobs: list[bytes] = []
        data = json.dumps(_emptied(list(event), blobs))
        head = f"5{len(blobs)}-" if blobs else "2"
        self.say(f"4{head}{'' if namespace == '/' else namespace + ','}{'' if id is None else id}{data}", *blobs)

    async def enter(self, namespace: str = "/", auth: Any = None) -> dict[str, Any]:
        """Connect to a namespace; the payload of the answer."""
        number = len(self.packets)
        self.ask_in(namespace, auth)
        await self.until(lambda: any(p.namespace == namespace and p.kind in {0, 4} for p in self.packets[number:]))
        packet = next(p for p in self.packets[number:] if p.namespace == namespace and p.kind in {0, 4})
        assert packet.kind == 0, packet
        payload: dict[str, Any] = packet.data
        return payload

    async def call(self, namespace: str, *event: Any) -> list[Any]:
        """The arguments of the acknowledgement of an event."""
        number = next(self._ids)
        self.emit(namespace, *event, id=number)
        return await self.ack(number, namespace)

    async def ack(self, id: int, namespace: str) -> list[Any]:
        """The arguments of an acknowledgement; there must be one alone."""

        def found() -> list[Heard]:
            return [p for p in self.packets if p.kind in {3, 6} and (p.id, p.namespace) == (id, namespace)]

        await self.until(lambda: bool(found()))
        (packet,) = found()
        arguments: list[Any] = packet.data
        return arguments

    # -- what came ------------------------------------------------------------------------------

    def events(self, name: str | None = None, namespace: str | None = None) -> list[list[Any]]:
        """The arguments of all events of that name; of all events, with their names."""
        events = [p.data for p in self.packets if p.kind in {2, 5} and namespace in {None, p.namespace}]
        return events if name is None else [event[1:] for event in events if event[0] == name]

    async def expect(self, name: str, namespace: str | None = None, *, count: int = 1) -> list[Any]:
        """The arguments of the last of so many events of that name."""
        await self.until(lambda: len(self.events(name, namespace)) >= count)
        return self.events(name, namespace)[count - 1]

    def kinds(self, namespace: str | None = None) -> list[int]:
        """The types of all packets."""
        return [p.kind for p in self.packets if namespace in {None, p.namespace}]

    async def until(self, is_so: Any) -> None:
        """Wait; AssertionError if the connection ends meanwhile."""
        await until(lambda: is_so() or self.task.done())
        assert is_so(), f"closed with {self.close_code} after {self.raw[-5:]}"

    async def ended(self) -> int | None:
        """Wait until the server is done; the close code."""
        await soon(asyncio.wait([self.task]))
        await self.task
        return self.close_code

    async def leave(self) -> None:
        """Go away, and wait until the server has noticed."""
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1005})
        await self.ended()


def _filled(value: Any, blobs: Sequence[bytes]) -> Any:
    if isinstance(value, dict):
        if value.get("_placeholder") is True:
            return blobs[value["num"]]
        return {key: _filled(one, blobs) for key, one in value.items()}
    return [_filled(one, blobs) for one in value] if isinstance(value, list) else value


def _emptied(value: Any, blobs: list[bytes]) -> Any:
    if isinstance(value, bytes):
        blobs.append(value)
        return {"_placeholder": True, "num": len(blobs) - 1}
    if isinstance(value, dict):
        return {key: _emptied(one, blobs) for key, one in value.items()}
    return [_emptied(one, blobs) for one in value] if isinstance(value, list) else value
