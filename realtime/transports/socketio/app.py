"""The Socket.IO server of a process, mounted at `/socket.io/` for http and WebSocket."""

from typing import Final

from realtime.errors import ClientError
from realtime.process import Process
from realtime.transports.engineio.app import EngineApp
from realtime.transports.engineio.contracts import Handler
from realtime.transports.engineio.session import EngineSession
from realtime.transports.socketio.client import Client
from realtime.transports.socketio.credentials import offered, takes_offsets


async def open_client(transport: EngineSession) -> Handler:
    """Begin a client on its transport; INTERNAL while the server is draining."""
    process = await Process.started()
    is_recoverable = takes_offsets(transport)
    verdicts = await offered(transport)
    if process.is_draining:  # looked at last: what is no connection yet is not told to go
        raise ClientError("INTERNAL", "The server is going away; connect again.")
    return Client(process, transport, verdicts, is_recoverable=is_recoverable)


socketio_app: Final = EngineApp(open_client)
"""Plain ASGI, not a consumer: an abandoned poll has to be noticed at once."""
