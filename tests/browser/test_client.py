"""`client.js` by itself, as somebody else's page would use it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.chromium import WebSocketRoute
from tests.browser.people import Person, Window

Register = Callable[[str], Person]
Open = Callable[..., Window]

USE = """async (token) => {
  const { connect } = await import('/static/web/client.js');
  const heard = [];
  return new Promise((resolve) => {
    const connection = connect({
      url: location.origin.replace('http', 'ws') + '/ws/',
      token,
      onEvent: (name) => heard.push(name),
      onState: async (state, details) => {
        heard.push(state);
        if (details.reason === 'unauthenticated') resolve({ heard, ...details });
        if (state !== 'online') return;
        const { timestamp } = await connection.call('ping');
        const refused = await connection.call('no.such.thing').catch(({ code }) => code);
        connection.close();
        const late = await connection.call('ping').catch(({ code }) => code);
        resolve({ heard, timestamp, refused, late });
      },
    });
  });
}"""


def test_the_client_works_by_itself(person: Register, window: Open) -> None:
    said = window().visit().page.evaluate(USE, person("Ann").tokens["access"])
    assert said["heard"] == ["connecting", "online", "connected", "closed"]
    assert said["timestamp"].endswith("Z")
    assert said["refused"] == "UNKNOWN_EVENT"
    assert said["late"] == "NOT_CONNECTED"


def test_the_client_gives_up_when_its_only_token_is_refused(window: Open) -> None:
    said = window().visit().page.evaluate(USE, "no-token")
    assert said["reason"] == "unauthenticated"
    assert "online" not in said["heard"]


class FakeServer:
    """What a page's sockets meet instead of the server: it greets, and hears what comes."""

    def __init__(self, window: Window) -> None:
        self.sockets: list[WebSocketRoute] = []
        self.heard: list[dict[str, Any]] = []
        window.page.route_web_socket("**/ws/*", self._greet)

    def push(self, event: str, data: Any = None, **more: Any) -> None:
        """To the latest socket."""
        self.sockets[-1].send(json.dumps({"event": event, "data": data or {}, **more}))

    def _greet(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)
        socket.on_message(lambda text: self.heard.append(json.loads(text)))
        number = len(self.sockets)
        greeting = {"connectionId": f"c{number}", "heartbeatInterval": 25, "offset": "7-1", "recovered": number > 1}
        self.push("connected", greeting)


STAY = """() => {
  window.heard = [];
  return import('/static/web/client.js').then(({ connect }) => {
    window.connection = connect({
      url: location.origin.replace('http', 'ws') + '/ws/',
      token: ({ renew }) => renew ? 'second' : 'first',
      onEvent: (name, data) => heard.push([name, data]),
      onState: (state) => heard.push(state),
    });
  });
}"""


@pytest.fixture
def visitor(window: Open) -> Window:
    """A window whose page has a connection of its own, at a fake server."""
    return window(bypass_csp=True)  # Playwright evaluates what a test waits for


def test_a_lost_connection_is_resumed_where_it_stood(visitor: Window) -> None:
    server = FakeServer(visitor)
    visitor.visit().page.evaluate(STAY)
    visitor.until("connection.state === 'online'")
    server.push("message.new", {"text": "one"}, offset="7-5")
    visitor.until("heard.length === 4")
    server.sockets[0].close(code=1001)
    visitor.until("heard.filter((entry) => entry === 'online').length === 2")
    assert [socket.url.partition("/ws/")[2] for socket in server.sockets] == ["", "?resume=7-5&connection=c1"]
    states = [entry for entry in visitor.page.evaluate("heard") if isinstance(entry, str)]
    assert states == ["connecting", "online", "reconnecting", "online"]


def test_a_network_that_died_in_silence_is_noticed(visitor: Window) -> None:
    server = FakeServer(visitor)
    visitor.page.clock.install()
    visitor.visit().page.evaluate(STAY)
    visitor.until("connection.state === 'online'")
    visitor.page.clock.run_for(25_000)
    visitor.until("connection.state === 'online'")
    assert [frame["event"] for frame in server.heard] == ["heartbeat"]
    visitor.page.clock.run_for(15_000)
    visitor.until("heard.includes('reconnecting')")
    visitor.page.clock.run_for(1_000)
    visitor.until("connection.state === 'online'")
    assert len(server.sockets) == 2


def test_a_refused_token_is_renewed_once_and_then_given_up(visitor: Window) -> None:
    sockets: list[WebSocketRoute] = []

    def refuse(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.close(code=4401)

    visitor.page.route_web_socket("**/ws/*", refuse)
    visitor.visit().page.evaluate(STAY)
    visitor.until("heard.includes('closed')")
    assert len(sockets) == 2


def test_calls_fail_at_once_when_the_connection_goes(visitor: Window) -> None:
    server = FakeServer(visitor)
    visitor.visit().page.evaluate(STAY)
    visitor.until("connection.state === 'online'")
    visitor.page.evaluate("() => { window.answer = connection.call('ping').catch(({ code }) => code); }")
    server.sockets[0].close(code=1012)
    assert visitor.page.evaluate("answer") == "DISCONNECTED"
