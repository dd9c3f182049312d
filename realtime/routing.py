"""The core's routes."""

from typing import Any, Final, cast

from django.urls import re_path

from realtime.middleware import Application, Receive, Scope, Send
from realtime.transports.consumer import PlainConsumer
from realtime.transports.socketio.app import socketio_app

SOCKETIO_PATH: Final = "/socket.io/"


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse the handshake: there is no WebSocket at this address."""
    await receive()
    await send({"type": "websocket.close"})


def socketio(otherwise: Application) -> Application:
    """Socket.IO at `/socket.io/`, which checks origins and tokens itself; everything else goes on."""

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        # Not by a URLRouter: that copies the scope, and a token could not be taken out of the server's own.
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        app = socketio_app if path.startswith(SOCKETIO_PATH) else otherwise
        await app(scope, receive, send)

    return route


# Any: the stubs of Django's `path` know views only.
websocket_urlpatterns: list[Any] = [
    re_path(r"^ws/?$", cast(Any, PlainConsumer.as_asgi())),
    re_path(r"", cast(Any, not_found)),
]
