"""What tests of recovery share."""

from collections.abc import Callable
from typing import Any

from tests.integration.clients import Heard
from tests.integration.javascript import JavaScriptClient

Connect = Callable[..., JavaScriptClient]
Say = Callable[..., None]


def settled(client: JavaScriptClient) -> JavaScriptClient:
    """A client that is greeted, with all that was under way."""
    client.happens("connect")
    client.expect("connected")
    client.pass_marker()
    client.inbox.clear()
    return client


def back(client: JavaScriptClient, *, recovered: bool, greeting: str = "connected") -> list[Heard]:
    """All events from the reconnection on, up to the greeting that ends what was missed."""
    assert client.happens("connect")["recovered"] is recovered
    heard: list[Heard] = []
    while not heard or heard[-1].name != greeting:
        heard.append(client.receive())
    return [one for one in heard if one.on == "event"]


def texts(heard: list[Heard], name: str = "newMessage") -> list[Any]:
    """Of the messages among them."""
    return [one.payload["text"] for one in heard if one.name == name]
