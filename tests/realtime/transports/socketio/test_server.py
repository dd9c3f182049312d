"""The same over a real uvicorn: both transports, the upgrade between them, and its end."""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from accounts.models import User
from accounts.tokens import access_token
from realtime.testing import Server

TIMEOUT = 10.0
SEPARATOR = "\x1e"


class Polling:
    """A session that polls."""

    def __init__(self, server: Server) -> None:
        self.url = f"http://{server.address}/socket.io/?EIO=4&transport=polling"
        self.packets: list[str] = []
        self.sid = ""
        self.poll()
        self.sid = json.loads(self.packets.pop(0)[1:])["sid"]
        self.url += f"&sid={self.sid}"

    def request(self, body: str | None = None) -> str:
        data = None if body is None else body.encode()
        with urllib.request.urlopen(urllib.request.Request(self.url, data=data), timeout=TIMEOUT) as answer:
            text: str = answer.read().decode()
        return text

    def poll(self) -> None:
        self.packets += self.request().split(SEPARATOR)

    def post(self, *packets: str) -> None:
        assert self.request(SEPARATOR.join(packets)) == "ok"

    def until(self, part: str) -> str:
        """The first packet with that in it."""
        while not (found := [packet for packet in self.packets if part in packet]):
            self.poll()
        return found[0]


@pytest.fixture
def websocket(realtime_server: Server) -> Iterator[Any]:
    with ExitStack() as stack:

        def open_one(query: str = "EIO=4&transport=websocket") -> ClientConnection:
            url = f"ws://{realtime_server.address}/socket.io/?{query}"
            return stack.enter_context(connect(url, compression=None, ping_interval=None))

        yield open_one


def heard(socket: ClientConnection, part: str) -> str:
    """The next message with that in it."""
    while True:
        message = socket.recv(timeout=TIMEOUT)
        if isinstance(message, str) and part in message:
            return message


def test_a_client_on_websocket_connects_and_talks(websocket: Any, alice: User) -> None:
    socket = websocket()
    assert json.loads(heard(socket, "0{")[1:])["upgrades"] == []
    socket.send("40" + json.dumps({"token": access_token(alice)}))
    assert json.loads(heard(socket, "40{")[2:]).keys() == {"sid", "pid"}
    assert str(alice.pk) in heard(socket, '42["connected"')
    socket.send('420["ping"]')
    assert heard(socket, "430[").startswith('430[{"timestamp":"')


def test_attachments_pass_on_websocket(websocket: Any) -> None:
    socket = websocket()
    socket.send("40/lab,")
    heard(socket, "hello")
    socket.send('451-/lab,1["message",{"_placeholder":true,"num":0}]')
    socket.send(bytes(range(256)))
    assert heard(socket, "461-") == '461-/lab,1[{"_placeholder":true,"num":0}]'
    assert socket.recv(timeout=TIMEOUT) == bytes(range(256))


def test_a_client_that_polls_connects_and_talks(realtime_server: Server, alice: User) -> None:
    client = Polling(realtime_server)
    client.post("40/ws," + json.dumps({"token": access_token(alice)}), "40/lab,", '42/lab,["message","é"]')
    assert client.until('["connected"').startswith("42/ws,")
    assert client.until('["message-back","é"').startswith("42/lab,")
    client.post('451-/lab,1["message",{"_placeholder":true,"num":0}]', "b" + base64.b64encode(b"\xff\0").decode())
    assert client.until("461-") == '461-/lab,1[{"_placeholder":true,"num":0}]'
    assert client.until("b/w") == "b/wA="


def test_many_events_of_one_post_keep_their_order(realtime_server: Server) -> None:
    client = Polling(realtime_server)
    client.post("40/lab,", *(f'42/lab,{number}["message",{number}]' for number in range(200)))
    client.until("199[199]")
    answers = [packet for packet in client.packets if packet.startswith("43/lab,")]
    assert answers == [f"43/lab,{number}[{number}]" for number in range(200)]


def test_a_malformed_packet_of_a_poller_ends_its_session(realtime_server: Server) -> None:
    client = Polling(realtime_server)
    client.post("40/lab,")
    client.until("hello")
    for _ in range(2):  # the packet itself; then there is no such session
        with pytest.raises(urllib.error.HTTPError) as refused:
            client.post('42/lab,["connect"]')
        assert refused.value.code == 400
        refused.value.close()


def test_a_session_goes_on_over_the_upgrade(realtime_server: Server, websocket: Any) -> None:
    client = Polling(realtime_server)
    client.post("40/lab,")
    client.until("hello")
    socket = websocket(f"EIO=4&transport=websocket&sid={client.sid}")
    socket.send("2probe")
    assert socket.recv(timeout=TIMEOUT) == "3probe"
    socket.send("5")
    socket.send('42/lab,1["message","over there"]')
    assert heard(socket, "43/lab,1") == '43/lab,1["over there"]'


def test_a_malformed_packet_closes_with_4400(websocket: Any) -> None:
    socket = websocket()
    socket.send("42")
    with pytest.raises(ConnectionClosed) as closed:
        heard(socket, "never")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4400


def test_a_server_that_stops_says_no_disconnect(realtime_server: Server, websocket: Any) -> None:
    socket = websocket()
    socket.send("40/lab,")
    heard(socket, "hello")
    realtime_server.stop()
    with pytest.raises(ConnectionClosed) as closed:
        heard(socket, "41")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012, "of uvicorn's own: the staged drain is that of `realtime.server`"
