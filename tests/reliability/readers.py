"""Clients that read, and clients that do not, in a room that is told a lot."""

import json
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_websocket

from realtime.publishing import Push, publish
from realtime.testing import Client
from tests.integration.servers import ServerProcess
from tests.lab.events import Leaf, Page
from tests.lab.rooms import LabRoom

TIMEOUT = 20.0
NOTES = {"room": "lab", "id": "notes"}
SMALL = 4096  # bytes of a receive buffer
CUT = {1013, 1006}  # with its code; or, if it did not even take that, without one


def tell(kind: type[Page | Leaf], numbers: range, *, size: int) -> None:
    """Events of about that many bytes to the room, all at once."""
    text = "x" * size
    publish(*(Push(LabRoom("notes"), kind(number=number, text=text)) for number in numbers))


def unread(server: ServerProcess) -> socket.socket:
    """A connection that holds little of what its client does not read."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    made.connect(("127.0.0.1", server.port))
    return made


def options(server: ServerProcess) -> dict[str, Any]:
    """For a client that reads only what it is asked for."""
    return {"sock": unread(server), "max_queue": 1}


def numbers(client: Client, count: int, event: str = "lab.page") -> list[int]:
    """Of the next so many events of that name."""
    return [client.expect(event, timeout=TIMEOUT)["number"] for _ in range(count)]


def rest(client: Client) -> tuple[list[dict[str, Any]], int]:
    """All that still comes, and the code at the end."""
    code = client.closed(timeout=TIMEOUT)
    return client.inbox, code


def is_cut_off(connection: socket.socket) -> bool:
    """Whether the connection is found reset within TIMEOUT, by a client that never reads."""
    poll = select.poll()
    poll.register(connection.fileno(), 0)  # errors are told without asking
    return bool(poll.poll(TIMEOUT * 1000))


def resident(server: ServerProcess) -> int:
    """Bytes of memory that the process has now."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return 1024 * int(status.partition("VmRSS:")[2].split()[0])


@contextmanager
def socketio(server: ServerProcess, **more: Any) -> Iterator[ClientConnection]:
    """An anonymous Socket.IO client on WebSocket, in the room of the laboratory."""
    url = f"ws://127.0.0.1:{server.port}/socket.io/?EIO=4&transport=websocket"
    with open_websocket(url, compression=None, ping_interval=None, **more) as client:
        client.send("40/lab,")
        await_event(client, "hello")
        yield client


def await_event(client: ClientConnection, name: str) -> list[Any]:
    """The arguments of the next event of that name; pings are answered."""
    while True:
        message = client.recv(timeout=TIMEOUT)
        assert isinstance(message, str)
        if message == "2":
            client.send("3")
        if message.startswith(f'42/lab,["{name}"'):
            return list(json.loads(message.partition(",")[2]))[1:]


def end_of(client: ClientConnection) -> int:
    """Read to the end; the code."""
    try:
        while True:
            client.recv(timeout=TIMEOUT)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006


def held_by_the_network() -> int:
    """Bytes that the kernel takes at most for who does not read."""
    return int(Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()[2]) + SMALL


def cuts(server: ServerProcess) -> int:
    """How many readers that server has cut so far."""
    return server.log.read_text().count("cut: too slow a reader")
