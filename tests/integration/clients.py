"""Official Socket.IO clients, driven as `realtime.testing.Client` is: by a plain function, without sleeps."""

import itertools
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Final, Self

import socketio  # type: ignore[import-untyped]

from notifications.events import SystemAnnouncement
from realtime.publishing import Push, publish
from realtime.rooms import GlobalRoom, SystemRoom

TIMEOUT: Final = 10.0
ANNOUNCEMENT: Final = "system:announcement"
MARKER: Final = "marker "
_numbers = itertools.count(1)


@dataclass
class Heard:
    """Something that happened to a client: an event of the server's, or `connect`, `disconnect` and the like."""

    on: str  # "event", or what happened
    name: str = ""
    arguments: list[Any] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def payload(self) -> Any:
        """The only argument; of several, the list."""
        return self.arguments[0] if len(self.arguments) == 1 else self.arguments

    def fits(self, *leading: Any, **fields: Any) -> bool:
        """Whether its first arguments are these, and the first of all has these fields."""
        if fields and not (self.arguments and isinstance(self.arguments[0], dict)):
            return False
        return self.arguments[: len(leading)] == list(leading) and all(
            self.arguments[0].get(key) == value for key, value in fields.items()
        )

    @property
    def is_marker(self) -> bool:
        """Whether it is that of any client's `hears_nothing`."""
        return self.name == ANNOUNCEMENT and str(title_of(self)).startswith(MARKER)


def title_of(announcement: Heard) -> Any:
    """Of an announcement in its envelope."""
    return announcement.payload["data"]["title"]


class SocketIOClient(ABC):
    """What nobody has asked for yet waits in `inbox`, in order."""

    def __init__(self) -> None:
        self.inbox: list[Heard] = []
        self._queue: SimpleQueue[Heard] = SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.disconnect()

    @abstractmethod
    def emit(self, name: str, *arguments: Any) -> None:
        """Send an event without an acknowledgement."""

    @abstractmethod
    def ask(self, name: str, *arguments: Any) -> int:
        """Send an event with one; it is heard as `ack` under this number."""

    @property
    @abstractmethod
    def transport(self) -> str:
        """By which it is connected now."""

    @abstractmethod
    def disconnect(self) -> None:
        """Leave, as an app does that logs out."""

    def call(self, name: str, *arguments: Any, timeout: float = TIMEOUT) -> Any:
        """Send an event and return its acknowledgement."""
        number = self.ask(name, *arguments)
        return self._wait_for(lambda heard: heard.on == "ack" and heard.facts["call"] == number, timeout).payload

    def receive(self, timeout: float = TIMEOUT) -> Heard:
        """The next that happens; AssertionError if nothing does in time."""
        try:
            return self._queue.get(timeout=timeout)
        except Empty:
            raise AssertionError(f"nothing came within {timeout} s; waiting unread: {self.inbox}") from None

    def expect(self, name: str, *leading: Any, timeout: float = TIMEOUT, **fields: Any) -> Any:
        """The payload of the next event of that name which `fits`; others stay in the inbox."""
        return self._wait_for(
            lambda heard: heard.on == "event" and heard.name == name and heard.fits(*leading, **fields), timeout
        ).payload

    def sequence(self, number: int, *names: str) -> list[Heard]:
        """The next events of any of these names, and acknowledgements, in order."""
        return [
            self._wait_for(lambda heard: heard.on == "ack" or (heard.on == "event" and heard.name in names), TIMEOUT)
            for _ in range(number)
        ]

    def happens(self, *on: str, timeout: float = TIMEOUT) -> dict[str, Any]:
        """The facts of the next `connect`, `disconnect` or the like; the events before it stay in the inbox."""
        return self._wait_for(lambda heard: heard.on in on, timeout).facts

    def announced(self, *, timeout: float = TIMEOUT) -> Any:
        """The data of the next announcement that is no marker."""
        heard = self._wait_for(lambda heard: heard.name == ANNOUNCEMENT and not heard.is_marker, timeout)
        return heard.payload["data"]

    def pass_marker(self) -> None:
        """Return when whatever was told before has arrived: a marker goes out on the same road."""
        title = f"{MARKER}{next(_numbers)}"
        announcement = SystemAnnouncement(title=title, message="", level="info")
        publish(Push([GlobalRoom(), SystemRoom()], announcement))
        self._wait_for(lambda heard: heard.is_marker and title_of(heard) == title, TIMEOUT)
        self.inbox[:] = [heard for heard in self.inbox if not heard.is_marker]

    def hears_nothing(self, *names: str) -> None:
        """Assert that none of these events (no event at all, if none is named) has come or is under way."""
        self.pass_marker()
        heard = [one for one in self.inbox if one.on == "event" and (not names or one.name in names)]
        assert not heard, f"heard {heard}"

    def _wait_for(self, fits: Callable[[Heard], bool], timeout: float) -> Heard:
        for position, heard in enumerate(self.inbox):
            if fits(heard):
                return self.inbox.pop(position)
        deadline = time.monotonic() + timeout
        while not fits(heard := self.receive(max(0.0, deadline - time.monotonic()))):
            self.inbox.append(heard)
        return heard


class PythonClient(SocketIOClient):
    """The official client of Python. It runs each packet in a thread of its own: `arrival` tells their order."""

    def __init__(self, url: str, *, namespace: str = "/", **options: Any) -> None:
        super().__init__()
        self.namespace = namespace
        self.socket = socketio.Client(reconnection=False, handle_sigint=False)
        for on in ("connect", "disconnect", "connect_error"):
            self.socket.on(on, self._watch(on), namespace=namespace)
        self.socket.on("*", self._hear, namespace=namespace)
        try:
            self.socket.connect(url, namespaces=[namespace], wait_timeout=TIMEOUT, **options)
        except socketio.exceptions.ConnectionError:
            self.socket.disconnect()  # refused: `connect_error` has been heard

    def emit(self, name: str, *arguments: Any) -> None:
        self.socket.emit(name, arguments, namespace=self.namespace)

    def ask(self, name: str, *arguments: Any) -> int:
        number = next(_numbers)

        def answer(*result: Any) -> None:
            self._queue.put(Heard("ack", arguments=list(result), facts={"call": number} | arrival()))

        self.socket.emit(name, arguments, namespace=self.namespace, callback=answer)
        return number

    def disconnect(self) -> None:
        self.socket.disconnect()

    @property
    def transport(self) -> str:
        return str(self.socket.transport())

    def _watch(self, on: str) -> Callable[..., None]:
        return lambda *what: self._queue.put(Heard(on, facts={"what": list(what)}))

    def _hear(self, name: str, *arguments: Any) -> None:
        self._queue.put(Heard("event", name, list(arguments), arrival()))


def arrival() -> dict[str, int]:
    """The number of this thread: the client starts one for each packet, in the order in which they come."""
    return {"arrival": int(threading.current_thread().name.split()[0].rpartition("-")[2])}


def in_order(client: SocketIOClient, *, until: Callable[[list[Heard]], bool]) -> Iterator[Heard]:
    """What has happened, read until that is all, in the order in which it came."""
    found = list(client.inbox)
    client.inbox.clear()
    try:
        while not until(found):
            found.append(client.receive())
    except AssertionError as error:
        raise AssertionError(f"{error}\nuntil then came {found}") from None
    return iter(sorted(found, key=lambda heard: heard.facts.get("arrival", 0)))
