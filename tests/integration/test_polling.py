"""Clients that cannot use WebSocket, on a real server."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any, Self

import pytest

from accounts.models import User
from accounts.tokens import access_token
from notifications.events import SystemAnnouncement
from realtime.publishing import Push, publish
from realtime.rooms import GlobalRoom
from tests.integration.conftest import Site
from tests.integration.families import Connect
from tests.integration.javascript import TRANSPORTS, JavaScriptClient
from tests.integration.proxy import Proxy
from tests.integration.servers import ServerProcess

BURST = 300
MAX_PAYLOAD = 1_000_000
PATH = "/socket.io/?EIO=4&transport=polling"


def announce(title: str) -> None:
    """Tell everybody."""
    publish(Push(GlobalRoom(), SystemAnnouncement(title=title, message="", level="info")))


def test_a_burst_reaches_a_polling_client_whole_and_in_order(site: Site, javascript: Connect, alice: User) -> None:
    client = javascript(site.servers[0], alice, **TRANSPORTS["polling"])
    client.expect("connected")
    for number in range(BURST):
        announce(str(number))
    assert [client.announced()["title"] for _ in range(BURST)] == [str(number) for number in range(BURST)]
    client.hears_nothing("system:announcement")
    assert client.transport == "polling"


def test_a_burst_of_a_polling_client_is_answered_whole_and_in_order(
    site: Site, javascript: Connect, alice: User
) -> None:
    client = javascript(site.servers[0], alice, **TRANSPORTS["polling"])
    client.expect("connected")
    calls = [client.ask("ping") for _ in range(BURST)]
    assert [heard.facts["call"] for heard in client.sequence(BURST)] == calls


def test_where_websocket_is_blocked_polling_goes_on(
    site: Site, javascript: Connect, proxy: Callable[..., Proxy], say: Callable[..., None], bob: User
) -> None:
    between = proxy(site.servers[0])
    between.refuses_upgrades = True
    client = javascript(between, bob)
    client.expect("connected")
    for number in range(20):
        say(str(number))
        assert client.call("ping")["timestamp"]
    assert [client.expect("newMessage")["text"] for _ in range(20)] == [str(number) for number in range(20)]
    assert client.transport == "polling"
    client.hears_nothing("newMessage")
    assert not [heard for heard in client.inbox if heard.on in {"disconnect", "upgrade"}]


class Poller:
    """Engine.IO over bare HTTP, for what the official clients do not do by themselves."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        status, body = self.request("GET")
        assert status == 200, body
        self.sid: str | None = json.loads(body[1:])["sid"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.request("POST", "1")  # the server would wait for its next poll when it ends

    def request(self, method: str, body: Any = None, **headers: str) -> tuple[int, str]:
        """The status and the text of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        sid = getattr(self, "sid", None)
        path = PATH if sid is None else f"{PATH}&sid={sid}"
        connection.request(method, path, body, headers, encode_chunked="Transfer-Encoding" in headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def enter(self, user: User) -> None:
        """CONNECT, up to the greeting."""
        auth = json.dumps({"token": access_token(user)})
        assert self.request("POST", f"40{auth}") == (200, "ok")
        assert '"connected"' in self.until('42["connected"')

    def until(self, start: str) -> str:
        """The first message of the next polls that begins so."""
        while True:
            status, text = self.request("GET")
            assert status == 200, text
            for packet in text.split("\x1e"):
                if packet == "2":
                    assert self.request("POST", "3") == (200, "ok")
                if packet.startswith(start):
                    return packet


@pytest.fixture
def poller(site: Site, alice: User) -> Iterator[Poller]:
    """Alice, connected by hand."""
    with Poller(site.servers[0]) as poller:
        poller.enter(alice)
        yield poller


def test_a_chunked_post_is_read_whole(poller: Poller) -> None:
    packets = "\x1e".join(f'42{number}["ping"]' for number in range(20)).encode()
    chunks = iter([packets[:7], packets[7:100], packets[100:]])
    assert poller.request("POST", chunks, **{"Transfer-Encoding": "chunked"}) == (200, "ok")
    assert poller.until("4319[").startswith('4319[{"timestamp"')


@pytest.mark.parametrize("is_chunked", [False, True], ids=["with its length", "chunked"])
def test_a_post_over_the_limit_is_413_and_ends_the_session_alone(
    site: Site, javascript: Connect, poller: Poller, bob: User, is_chunked: bool
) -> None:
    other = javascript(site.servers[0], bob, **TRANSPORTS["polling"])
    other.expect("connected")
    too_big = b'42["ping","' + b"x" * MAX_PAYLOAD + b'"]'
    if is_chunked:
        status, _ = poller.request("POST", iter([too_big]), **{"Transfer-Encoding": "chunked"})
    else:
        status, _ = poller.request("POST", too_big)
    assert status == 413
    status, answer = poller.request("POST", "3")
    assert (status, json.loads(answer)["code"]) == (400, 1)
    assert other.call("ping")["timestamp"]


def test_a_post_of_the_limit_is_served(poller: Poller) -> None:
    start, end = '421["ping","', '"]'
    body = start + "x" * (MAX_PAYLOAD - len(start) - len(end)) + end
    assert poller.request("POST", body) == (200, "ok")
    assert poller.until("431[")


def _is_offline(watcher: JavaScriptClient, user: User) -> bool:
    try:
        watcher.expect("userOnline", userId=str(user.pk), isOnline=False, timeout=1)
    except AssertionError:
        return False
    return True


def test_a_poll_that_its_client_abandons_ends_the_session(
    site: Site, javascript: Connect, group: object, alice: User, bob: User
) -> None:
    watcher = javascript(site.servers[0], bob)
    watcher.expect("connected")
    poller = Poller(site.servers[0])
    poller.enter(alice)
    watcher.expect("userOnline", userId=str(alice.pk), isOnline=True)
    while not _is_offline(watcher, alice):  # a poll is answered, and not abandoned, if there was something to tell
        with socket.create_connection(("127.0.0.1", site.servers[0].port)) as poll:
            poll.sendall(f"GET {PATH}&sid={poller.sid} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert json.loads(poller.request("GET")[1])["code"] == 1


def test_what_an_abandoned_poll_would_have_brought_comes_after_the_reconnection(
    site: Site, javascript: Connect, proxy: Callable[..., Proxy], say: Callable[..., None], bob: User
) -> None:
    between = proxy(site.servers[0])
    client = javascript(between, bob, **TRANSPORTS["polling"])
    client.happens("connect")
    client.expect("connected")
    witness = javascript(site.servers[0], bob)
    witness.expect("connected")
    say("first")
    client.expect("newMessage", text="first")
    between.freeze()
    say("lost on the way")
    witness.expect("newMessage", text="lost on the way")
    between.reset()
    between.thaw()
    assert client.happens("connect")["recovered"] is True
    assert client.expect("newMessage")["text"] == "lost on the way"
    client.hears_nothing("newMessage")
