"""The core's WebSocket routes."""

from typing import Any, cast

from django.urls import re_path

from realtime.middleware import Receive, Scope, Send
from realtime.transports.consumer import PlainConsumer


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse the handshake: there is no WebSocket at this address."""
    await receive()
    await send({"type": "websocket.close"})


# Any: the stubs of Django's `path` know views only.
websocket_urlpatterns: list[Any] = [
    re_path(r"^ws/?$", cast(Any, PlainConsumer.as_asgi())),
    re_path(r"", cast(Any, not_found)),
]
