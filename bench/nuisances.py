"""Clients that are trouble, beside the load client: `python -m bench.nuisances --help`.

It says that it is ready; from one SIGUSR1 to the next it does what it is asked to, and then prints, as a line of
JSON, what came of it. A flood begins before, so that the log for recovery has its full size when memory counts.
"""

import argparse
import itertools
import json
import os
import select
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import django
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect

from bench.client import Wire
from bench.servers import SERVERS

PATIENCE = 120.0  # seconds to wait for a signal
FLOOD_ROOM, OTHERS_ROOM = "flood", "room0"
SIZE, RATE = 20_000, 1000  # bytes of an event, and how many a second: 20 MB
TICK = 0.005
NICE = 10
FILLING = 2.0  # seconds until the log is full
SMALL = 4096  # bytes of the receive buffer of who does not read
PAUSE = 0.7  # seconds after which every second one of those reads on, in time for its close frame
STAY = 1.3  # and about so long it takes until the others are cut off
TIMEOUT = 20.0
USR1 = {signal.SIGUSR1}
PLAINLY: dict[str, Any] = {"compression": None, "ping_interval": None, "max_queue": 1, "close_timeout": 0.1}


class Nuisance:
    """All of it, on one server."""

    def __init__(self, wire: Wire, port: int, server: int, tokens: list[str]) -> None:
        self._wire, self._port, self._server, self._tokens = wire, port, server, tokens
        self._read = 0  # bytes that the reader in the flood has read
        self._ends: Counter[str] = Counter()  # of those who did not read
        self._queries: list[float] = []  # how long each took, in seconds
        self._begun, self._waited, self._read_before, self._memory = 0.0, 0.0, 0, 0

    # -- connections -------------------------------------------------------------------------

    @contextmanager
    def joined(self, *rooms: str, token: int = -1, is_silent: bool = False) -> Iterator[ClientConnection]:
        """A client in these rooms."""
        wire, key = self._wire, self._tokens[token]
        connection = socket.socket()
        if is_silent:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        connection.connect(("127.0.0.1", self._port))
        name, _, value = wire.header.replace("%K", key).partition(": ")
        headers = {name: value} if name else None
        url = f"ws://127.0.0.1:{self._port}{wire.path}"
        with connect(url, sock=connection, additional_headers=headers, **PLAINLY) as client:
            if wire.sio:
                client.send(wire.sio.replace("%K", key))
                heard(client, "40")
            for room in rooms:
                client.send(wire.init.replace("room%R", room))
                heard(client, wire.ready)
            yield client

    def silent(self) -> AbstractContextManager[ClientConnection]:
        """One that can hold little of what it does not read."""
        return self.joined(FLOOD_ROOM, OTHERS_ROOM, token=-2, is_silent=True)

    def read_on(self) -> None:
        """Read what floods the room, for ever."""
        with self.joined(FLOOD_ROOM) as client:
            while True:
                size = len(heard(client, ""))
                self._read += size

    def come_and_read(self) -> None:
        """Come, read all, and go, about as often as those who do not read."""
        for number in itertools.count():
            stay = time.monotonic() + (PAUSE if number % 2 == 0 else STAY)
            with suppress(OSError, WebSocketException), self.joined(FLOOD_ROOM, OTHERS_ROOM, token=-2) as client:
                while time.monotonic() < stay:
                    heard(client, "")
                self._ends["came and went"] += 1

    def be_silent(self) -> None:
        """Come and read nothing, again and again: one reads on when it has been cut, the next one never does."""
        for number in itertools.count():
            end = "not let in"
            with suppress(OSError, WebSocketException), self.silent() as client:
                end = after_a_pause(client) if number % 2 == 0 else cut_off(client)
            self._ends[end] += 1

    def ask(self, client: ClientConnection) -> None:
        """One slow query after the other."""
        while True:
            asked = time.monotonic()
            client.send(self._wire.query)
            heard(client, self._wire.ready)
            self._queries.append(time.monotonic() - asked)

    # -- its course ----------------------------------------------------------------------------

    def begin(self) -> None:
        """From here on it counts."""
        Path(f"/proc/{self._server}/clear_refs").write_text("5")  # the peak of its memory is what it has now
        self._memory, self._waited = self._kib("VmRSS"), self._waiting()
        self._read_before, self._begun = self._read, time.monotonic()

    def came_of_it(self) -> dict[str, object]:
        """Since then."""
        seconds = time.monotonic() - self._begun
        return {
            "megabytes": (self._read - self._read_before) / 1e6 / seconds,
            "growth": (self._kib("VmHWM") - self._memory) * 1024 / 1e6,
            "waited": (self._waiting() - self._waited) / seconds,
            "ends": dict(self._ends),
            "queries": self._queries,
        }

    def _waiting(self) -> float:
        """Seconds that the server's event loop was ready to run, but had no CPU."""
        return int(Path(f"/proc/{self._server}/schedstat").read_text().split()[1]) / 1e9

    def _kib(self, what: str) -> int:
        status = Path(f"/proc/{self._server}/status").read_text()
        return int(status.partition(what + ":")[2].split()[0])


def heard(client: ClientConnection, part: str) -> str:
    """The next message with that in it; Engine.IO's pings are answered."""
    while True:
        message = client.recv(timeout=TIMEOUT)
        if message == "2":
            client.send("3")
        elif isinstance(message, str) and part in message:
            return message


def after_a_pause(client: ClientConnection) -> str:
    """The code of the close frame that it gets, or 1006."""
    time.sleep(PAUSE)
    try:
        while True:
            client.recv(timeout=TIMEOUT)
    except ConnectionClosed as closed:
        return str(closed.rcvd.code if closed.rcvd else 1006)


def cut_off(client: ClientConnection) -> str:
    """Whether it is, though it never reads."""
    poll = select.poll()
    poll.register(client.socket.fileno(), 0)  # errors are told without asking
    return "cut off" if poll.poll(TIMEOUT * 1000) else "not cut off"


def flood(redis_url: str) -> None:
    """Tell the room as another process of the project would, for ever."""
    from bench.events import Spoken  # noqa: PLC0415 -- after django.setup()
    from bench.rooms import BenchRoom  # noqa: PLC0415
    from realtime.couriers import Batch, RedisCourier  # noqa: PLC0415
    from realtime.publishing import Push  # noqa: PLC0415

    courier = RedisCourier.connect(redis_url)
    event = Spoken(room=FLOOD_ROOM, seq=0, ts=0, user="flood", text="x" * SIZE)
    publication = Push(BenchRoom(FLOOD_ROOM), event).publication()
    assert publication is not None
    begun, sent = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - begun) * RATE) - sent
        courier.take(Batch([publication] * min(due, RATE // 10), entry=None))  # what was late by more is left out
        sent += due
        time.sleep(TICK)


def asked_for() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench.nuisances")
    parser.add_argument("--wire", choices=["plain", "socketio"], required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--server", type=int, required=True, help="its process")
    parser.add_argument("--tokens", type=Path, required=True)
    parser.add_argument("--redis", required=True)
    parser.add_argument("--flood", action="store_true", help="20 MB/s for a room, and a client there that reads")
    parser.add_argument("--coming", action="store_true", help="clients there, and among the others, that read")
    parser.add_argument("--silent", action="store_true", help="the same, but they do not read")
    parser.add_argument("--queries", type=int, default=0, help="so many clients in a slow query")
    return parser.parse_args()


def main() -> None:
    """As it says."""
    words = asked_for()
    os.nice(NICE)  # what it costs on the CPU that it shares with the load client is no part of what is measured
    signal.pthread_sigmask(signal.SIG_BLOCK, USR1)
    django.setup()
    wire = next(server.wire for server in SERVERS if server.name == words.wire)
    nuisance = Nuisance(wire, words.port, words.server, words.tokens.read_text().split())
    if words.flood:
        start(nuisance.read_on)
        start(flood, words.redis)
        time.sleep(FILLING)
    with ExitStack() as stack:
        askers = [stack.enter_context(nuisance.joined(token=-3 - number)) for number in range(words.queries)]
        print("ready", flush=True)
        until_signalled()
        nuisance.begin()
        if words.silent:
            start(nuisance.be_silent)
        if words.coming:
            start(nuisance.come_and_read)
        for asker in askers:
            start(nuisance.ask, asker)
        until_signalled()
        print(json.dumps(nuisance.came_of_it()), flush=True)
        os._exit(0)  # whatever its threads wait for


def start(what: Callable[..., None], *arguments: object) -> None:
    """In a thread."""
    threading.Thread(target=what, args=arguments, daemon=True).start()


def until_signalled() -> None:
    """Or end."""
    if signal.sigtimedwait(USR1, PATIENCE) is None:
        raise SystemExit("nobody said when to begin, or to end")


if __name__ == "__main__":
    main()
