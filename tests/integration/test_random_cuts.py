"""A hundred connections are cut at random under a stream of numbered messages: no hole, nothing twice."""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from itertools import count
from typing import Any, Protocol

import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from accounts.models import User
from accounts.tokens import access_token
from chat import services
from chat.models import Conversation
from realtime.testing import Client
from tests.integration.conftest import Site
from tests.integration.javascript import TRANSPORTS, Driver, JavaScriptClient
from tests.integration.proxy import Proxy

CUTS = 25  # of each client
SPEAKERS = 24  # each of them may send 30 messages a minute
alone = pytest.mark.parametrize("_site", ["without Redis"], indirect=True)


class Listener(Protocol):
    """Somebody who hears numbers, and is cut off."""

    numbers: list[int]
    recovered: list[bool]

    def listen(self) -> None:
        """Hear one more number, across whatever reconnections."""

    def lose(self) -> None:
        """End the connection on the client's side."""


class JavaScriptListener:
    """The official client, in the groups family; it has not a line for recovery."""

    def __init__(self, driver: Driver, proxy: Proxy, user: User, transport: str, dice: random.Random) -> None:
        auth = {"token": access_token(user)}
        self.client = JavaScriptClient(driver, f"{proxy.url}/", auth=auth, **TRANSPORTS[transport])
        self.numbers: list[int] = []
        self.recovered: list[bool] = []
        self._dice = dice
        self.client.happens("connect")
        self.client.expect("connected")

    def listen(self) -> None:
        while True:
            heard = self.client.receive()
            if heard.on == "connect":
                self.recovered.append(heard.facts["recovered"])
            elif heard.name == "newMessage":
                self.numbers.append(int(heard.payload["text"]))
                return

    def lose(self) -> None:
        self.client.do(self._dice.choice(["cut", "close"]))


class PlainListener:
    """The plain wire, with `?resume=&connection=`."""

    def __init__(self, stack: ExitStack, proxy: Proxy, user: User) -> None:
        self._stack, self._url = stack, f"ws://127.0.0.1:{proxy.port}/ws/"
        self._token = access_token(user)
        self.numbers: list[int] = []
        self.recovered: list[bool] = []
        self._resume = ""
        self._client = self._connect()
        self.recovered.clear()

    def _connect(self) -> Client:
        client = self._stack.enter_context(Client(f"{self._url}{self._resume}", token=self._token))
        greeting = client.expect("connected")
        self._connection, self._offset = greeting["connectionId"], greeting["offset"]
        self.recovered.append(greeting["recovered"])
        return client

    def listen(self) -> None:
        while True:
            try:
                frame = self._client.receive()
            except ConnectionClosed:
                self._reconnect()
                continue
            self._offset = frame.get("offset", self._offset)
            if frame["event"] == "message.new":
                self.numbers.append(int(frame["data"]["text"]))
                return

    def _reconnect(self) -> None:
        while True:
            self._resume = f"?resume={self._offset}&connection={self._connection}"
            with suppress(ConnectionClosed, InvalidHandshake, OSError, EOFError):
                self._client = self._connect()
                return

    def lose(self) -> None:
        self._client.close()


def trouble(listener: Listener, proxy: Proxy, dice: random.Random) -> None:
    """Cut it off at random moments of the stream, sometimes again before it is back."""
    for _ in range(CUTS):
        for _ in range(dice.randint(0, 3)):
            listener.listen()
        before = len(listener.recovered)
        while len(listener.recovered) == before:
            dice.choice([proxy.cut, proxy.reset, listener.lose])()
            listener.listen()


class Stream:
    """Messages with the numbers from 0 on, posted over REST until somebody says stop."""

    def __init__(self, site: Site, conversation: Conversation, speakers: list[User]) -> None:
        self._path = f"conversations/{conversation.pk}/messages/"
        self._site, self._tokens = site, [access_token(user) for user in speakers]
        self.is_over = threading.Event()

    def run(self) -> int:
        """The last number."""
        for number in count():
            token = self._tokens[number % len(self._tokens)]
            self._site.servers[0].rest_with(token, "POST", self._path, {"text": str(number)})
            if self.is_over.is_set():
                return number
        raise AssertionError


@pytest.fixture
def crowd(person: Callable[..., User], group: Conversation, alice: User) -> list[User]:
    """Members of the group who talk."""
    people = [person(f"speaker{number}") for number in range(SPEAKERS)]
    for user in people:
        services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=user.pk)
    return people


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@alone
def test_a_hundred_random_cuts_lose_and_repeat_nothing(
    site: Site,
    driver: Driver,
    proxy: Callable[..., Proxy],
    stack: ExitStack,
    crowd: list[User],
    group: Conversation,
    bob: User,
) -> None:
    seed = random.randrange(10**9)
    dice = [random.Random(f"{seed} {number}") for number in range(4)]
    proxies = [proxy(site.servers[0]) for _ in dice]
    listeners: list[Any] = [
        JavaScriptListener(driver, proxies[number], bob, transport, dice[number])
        for number, transport in enumerate(TRANSPORTS)
    ]
    listeners.append(PlainListener(stack, proxies[3], bob))

    stream = Stream(site, group, crowd)
    with ThreadPoolExecutor() as threads:
        running = threads.submit(stream.run)
        try:
            list(threads.map(trouble, listeners, proxies, dice))
        finally:
            stream.is_over.set()
        last = running.result()

    for name, listener in zip([*TRANSPORTS, "plain"], listeners, strict=True):
        while listener.numbers[-1] != last:
            listener.listen()
        note = f"{name} client, seed {seed}: {listener.numbers}"
        assert listener.numbers == list(range(last + 1)), note
        assert all(listener.recovered), note
        assert len(listener.recovered) >= CUTS, note
    for listener in listeners[:3]:
        listener.client.hears_nothing("newMessage")
        listener.client.disconnect()
