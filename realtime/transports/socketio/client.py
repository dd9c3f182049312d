"""One Socket.IO client: the namespaces that it is connected to, over one Engine.IO session."""

import asyncio
import logging
from typing import Final

from realtime.conf import conf
from realtime.errors import Close
from realtime.outbound import Frame
from realtime.process import Process
from realtime.transports.engineio.packets import MalformedError
from realtime.transports.engineio.session import EngineSession
from realtime.transports.socketio.credentials import Offered
from realtime.transports.socketio.packets import Kind, Packet, decode, encode, fill
from realtime.transports.socketio.socket import Socket
from realtime.vocabulary import doors

logger = logging.getLogger(__name__)

EVENT: Final = str(Kind.EVENT.value)


class Client:
    """Takes an Engine.IO session's messages apart for its namespaces, each of which is a `Socket`."""

    def __init__(self, process: Process, transport: EngineSession, offered: Offered, *, is_recoverable: bool) -> None:
        self.process, self.transport, self.offered = process, transport, offered
        self.is_recoverable = is_recoverable
        self._sockets: dict[str, Socket] = {}
        self._entered: set[str] = set()  # namespaces that it has been connected to
        self._partial: tuple[Packet, list[bytes], int] | None = None  # the attachments so far, the size of its text
        process.connections.add(transport)
        self._timer = asyncio.get_running_loop().call_later(conf().connect_timeout, self._on_silence)

    def _on_silence(self) -> None:
        if not self._entered:
            self.transport.close(Close.AUTH_TIMEOUT, "no CONNECT came in time")

    # -- from the transport -------------------------------------------------------------------

    async def on_message(self, message: str | bytes) -> None:
        """A part of a packet, or the whole of it."""
        if isinstance(message, str):
            packet, size = self._text(message), len(message)
        else:
            packet, size = self._binary(message)
        if packet is None:
            return
        if packet.kind == Kind.CONNECT:
            self._connect(packet)
        else:
            await self._dispatch(packet, size)

    def take(self, message: str) -> bool:
        """An event for which there is room."""
        if message[:1] != EVENT or self._partial is not None:
            return False
        try:
            packet = decode(message)
        except MalformedError:
            return False  # `on_message` says so
        socket = self._sockets.get(packet.namespace)
        return socket is not None and socket.take_now(packet.data[0], packet.data[1:], packet.id, len(message))

    def on_close(self, reason: str) -> None:
        """The transport has gone, and all namespaces with it."""
        self._timer.cancel()
        self.process.connections.discard(self.transport)
        for socket in list(self._sockets.values()):
            socket.lose(reason)

    def _text(self, text: str) -> Packet | None:
        if self._partial is not None:
            raise MalformedError("a text where an attachment was due")
        packet = decode(text)
        if packet.kind == Kind.CONNECT_ERROR:
            raise MalformedError("a packet that only a server sends")
        if packet.kind != Kind.CONNECT and packet.namespace not in self._entered:
            raise MalformedError("a packet for a namespace that is not connected")
        if not packet.attachments:
            return packet
        self._partial = packet, [], len(text)
        return None

    def _binary(self, blob: bytes) -> tuple[Packet | None, int]:
        """The packet if this is its last attachment, and the size of all of it."""
        if self._partial is None:
            raise MalformedError("an attachment where none was due")
        packet, blobs, size = self._partial
        blobs.append(blob)
        attached = sum(map(len, blobs))
        if attached > conf().max_payload:
            raise MalformedError("the attachments of a packet are too big")
        if len(blobs) < packet.attachments:
            return None, 0
        self._partial = None
        return packet._replace(data=fill(packet.data, blobs)), size + attached

    # -- namespaces ---------------------------------------------------------------------------

    def _connect(self, packet: Packet) -> None:
        namespace = packet.namespace
        if namespace in self._sockets:  # the JavaScript client repeats CONNECT when `connect()` is called twice
            return
        door = doors.get(namespace)
        if door is None:
            self.write(encode(Kind.CONNECT_ERROR, namespace, data={"message": "Invalid namespace"}))
            return
        self._entered.add(namespace)
        self._sockets[namespace] = Socket(self, door, packet.data or {})

    async def _dispatch(self, packet: Packet, size: int) -> None:
        socket = self._sockets.get(packet.namespace)
        if socket is None:
            return  # it has just been closed
        match packet.kind:
            case Kind.DISCONNECT:
                socket.leave()
            case Kind.EVENT | Kind.BINARY_EVENT:
                await socket.take(packet.data[0], packet.data[1:], packet.id, size)
            case Kind.ACK | Kind.BINARY_ACK:
                socket.acks.resolve(packet.id, packet.data)

    def remove(self, socket: Socket) -> None:
        """It has ended; the client may connect there again."""
        if self._sockets.get(socket.namespace) is socket:
            del self._sockets[socket.namespace]

    def write(self, parts: tuple[str | bytes, ...]) -> None:
        """A packet that is not an event."""
        self.transport.write(Frame.of(*parts))
