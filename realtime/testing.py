"""The test kit: a real server in this process, and clients that speak the plain wire to it.

    # conftest.py
    from realtime.testing import connect, realtime_server  # fixtures

    # test_shop.py
    def test_a_sale_is_told(connect, alice):
        client = connect(alice)
        services.sell(...)
        assert client.expect(Sold).price == 3
        assert client.call("shop.list") == {...}
        client.hears_nothing()

The `connect` fixture brings the server and `transactional_db`: what is told must be committed first.
Clients are synchronous, so that a test is a plain function that may use the ORM.
"""

import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Self, TypeVar, overload

import msgspec
import pytest
import uvicorn
from django.utils.module_loading import import_string
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_websocket

from realtime.conf import conf
from realtime.events import DROPPABLE, Event
from realtime.publishing import Push, publish
from realtime.rooms import UserRoom
from realtime.server import config

TIMEOUT = 10.0
E = TypeVar("E", bound=Event)


class Marker(Event, wire="test.marker", policy=DROPPABLE):
    """Sent on the road of all events: whatever was told before it has arrived before it."""

    number: int


class CallError(Exception):
    """The server answered a call with an error; `code`, `message` and `error` (all of it) tell which."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code, self.message, self.error = error["code"], error["message"], error


class Client:
    """One WebSocket. Frames that nobody has asked for yet wait in `inbox`."""

    _numbers = itertools.count(1)

    def __init__(self, url: str, *, token: str | None = None, user_id: str = "", **options: Any) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= options.pop("additional_headers", {})
        self._stack = ExitStack()
        self.socket: ClientConnection = self._stack.enter_context(
            open_websocket(url, additional_headers=headers, compression=None, ping_interval=None, **options)
        )
        self.user_id = user_id
        self.inbox: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._stack.close()

    def send(self, event: str, data: Any = None, **frame: Any) -> None:
        """Send a frame; no reply is waited for."""
        self.socket.send(json.dumps({"event": event} | ({} if data is None else {"data": data}) | frame))

    def receive(self, timeout: float = TIMEOUT) -> dict[str, Any]:
        """The next frame from the network; AssertionError if none comes in time."""
        try:
            frame: dict[str, Any] = json.loads(self.socket.recv(timeout=timeout))
        except TimeoutError:
            raise AssertionError(f"nothing came within {timeout} s; waiting unread: {self.inbox}") from None
        return frame

    def call(self, event: str, data: Any = None, *, timeout: float = TIMEOUT) -> dict[str, Any]:
        """Send a command and return the reply's data; CallError if it was refused."""
        identifier = next(self._numbers)
        self.send(event, data, id=identifier)
        frame = self._wait_for(lambda frame: frame["event"] == "reply" and frame["id"] == identifier, timeout)
        if not frame["ok"]:
            raise CallError(frame["error"])
        reply: dict[str, Any] = frame["data"]
        return reply

    @overload
    def expect(self, event: type[E], *, timeout: float = ..., **fields: Any) -> E: ...
    @overload
    def expect(self, event: str, *, timeout: float = ..., **fields: Any) -> dict[str, Any]: ...
    def expect(self, event: type[E] | str, *, timeout: float = TIMEOUT, **fields: Any) -> E | dict[str, Any]:
        """The next event of that class (or name) whose payload has these fields, spelled as on the wire.

        Other events stay in the inbox, in order.
        """
        name = event if isinstance(event, str) else event.wire

        def fits(frame: dict[str, Any]) -> bool:
            return bool(frame["event"] == name and fields.items() <= frame["data"].items())

        data: dict[str, Any] = self._wait_for(fits, timeout)["data"]
        return data if isinstance(event, str) else msgspec.convert(data, event)

    def hears_nothing(self, *events: type[Event] | str) -> None:
        """Assert that none of these events (no event at all, if none is named) has come or is under way.

        A marker goes out on the same road and is awaited: no time passes in vain.
        """
        marker = Marker(number=next(self._numbers))
        publish(Push(UserRoom(self.user_id), marker))
        self.expect(Marker, number=marker.number)
        names = {event if isinstance(event, str) else event.wire for event in events}
        heard = [frame for frame in self.inbox if not names or frame["event"] in names]
        assert not heard, f"heard {heard}"

    def closed(self, timeout: float = TIMEOUT) -> int:
        """Read until the server closes the connection; the close code (1006 if it just went away)."""
        deadline = time.monotonic() + timeout
        try:
            while True:
                self.inbox.append(self.receive(max(0.0, deadline - time.monotonic())))
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    def _wait_for(self, fits: Callable[[dict[str, Any]], bool], timeout: float) -> dict[str, Any]:
        for position, frame in enumerate(self.inbox):
            if fits(frame):
                return self.inbox.pop(position)
        deadline = time.monotonic() + timeout
        while not fits(frame := self.receive(max(0.0, deadline - time.monotonic()))):
            self.inbox.append(frame)
        return frame


class Server:
    """The project's ASGI application under uvicorn, in a thread, on a free port of this machine."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(config(host="127.0.0.1", port=0))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="realtime-server")

    @property
    def url(self) -> str:
        """Of the plain wire."""
        return f"ws://{self.address}/ws/"

    def start(self) -> None:
        """Return when connections are accepted."""
        self._thread.start()
        deadline = time.monotonic() + TIMEOUT
        while not self._server.started:
            assert self._thread.is_alive(), "the server did not start; see the log"
            assert time.monotonic() < deadline, "the server does not become ready; see the log"
            time.sleep(0.005)

    def stop(self) -> None:
        """Close all connections and end."""
        self._server.should_exit = True
        self._thread.join(TIMEOUT)
        assert not self._thread.is_alive(), "the server does not end; see the log"

    def connect(self, user: Any = None, *, token: str | None = None, **options: Any) -> Client:
        """A client logged in as the user (and greeted), or with this token, or as nobody yet."""
        if user is None:
            return Client(self.url, token=token, **options)
        token = import_string(conf().token_issuer)(user)
        client = Client(self.url, token=token, user_id=str(user.pk), **options)
        client.expect("connected")
        return client


@pytest.fixture
def realtime_server(transactional_db: None) -> Iterator[Server]:
    """A server on the test's database."""
    server = Server()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def connect(realtime_server: Server) -> Iterator[Callable[..., Client]]:
    """`connect(user)`: a client that is closed when the test ends."""
    with ExitStack() as stack:
        yield lambda user=None, **options: stack.enter_context(realtime_server.connect(user, **options))
