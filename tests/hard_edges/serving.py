"""uvicorn in the test's own loop, as `realtime.server` configures it, with a small buffer in the kernel."""

import socket
from typing import Any

import uvicorn

from realtime.websockets import HttpProtocol, WebSocketProtocol


class Served:
    """One server on a free port."""

    def __init__(self, app: Any, **options: Any) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._config = uvicorn.Config(
            app,
            http=HttpProtocol,
            ws=WebSocketProtocol,
            lifespan="off",
            log_config=None,
            access_log=False,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=1,
            ws_ping_interval=600,  # the keepalive is not what helps
            ws_ping_timeout=600,
            **options,
        )
        self._server = uvicorn.Server(self._config)

    async def start(self) -> None:
        """Return when it takes connections."""
        self._config.load()
        self._server.lifespan = self._config.lifespan_class(self._config)
        await self._server.startup(sockets=[self._socket])

    async def stop(self) -> None:
        """At once."""
        for connection in self.connections:
            connection.transport.abort()
        self._server.force_exit = True
        await self._server.shutdown()

    @property
    def connections(self) -> list[Any]:
        """uvicorn's protocols, of HTTP and of WebSockets."""
        return list(self._server.server_state.connections)

    @property
    def connection(self) -> Any:
        """The only one."""
        (only,) = self.connections
        return only
