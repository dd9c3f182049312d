"""The Socket.IO server of a process, mounted at `/socket.io/` for http and WebSocket."""

from typing import Final

from realtime.errors import ClientError
from realtime.process import Process
from realtime.transports.engineio.app import EngineApp
from realtime.transports.engineio.session import EngineSession, Handler
from realtime.transports.socketio.client import Client
from realtime.transports.socketio.credentials import offered, takes_offsets


async def open_client(transport: EngineSession) -> Handler:
    """Begin a client on its transport; TOO_MANY_CONNECTIONS while the server is draining."""
    process = await Process.started()
    if process.is_draining:
        raise ClientError("INTERNAL", "The server is going away; connect again.")
    is_recoverable = takes_offsets(transport)
    return Client(process, transport, await offered(transport), is_recoverable=is_recoverable)


socketio_app: Final = EngineApp(open_client)
"""Plain ASGI, not a consumer: an abandoned poll has to be noticed at once."""
