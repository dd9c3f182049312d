"""The core's routes."""

from typing import Any, cast

from channels.routing import URLRouter
from django.urls import re_path

from realtime.middleware import Application, Receive, Scope, Send
from realtime.transports.consumer import PlainConsumer
from realtime.transports.socketio.app import socketio_app


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse the handshake: there is no WebSocket at this address."""
    await receive()
    await send({"type": "websocket.close"})


def socketio(otherwise: Application) -> URLRouter:
    """Socket.IO at `/socket.io/`, which checks origins and tokens itself; everything else goes on."""
    return URLRouter([re_path(r"^socket\.io/", cast(Any, socketio_app)), re_path(r"", cast(Any, otherwise))])


# Any: the stubs of Django's `path` know views only.
websocket_urlpatterns: list[Any] = [
    re_path(r"^ws/?$", cast(Any, PlainConsumer.as_asgi())),
    re_path(r"", cast(Any, not_found)),
]
