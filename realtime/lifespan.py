"""The ASGI lifespan: a server that tells of its start and end gets everything opened and closed in time."""

from django.core.exceptions import ImproperlyConfigured

from realtime.middleware import Receive, Scope, Send
from realtime.process import Process


async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the lifespan scope. A failed start is reported, so that the server exits."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            try:
                await Process.started()
            except (OSError, ImproperlyConfigured) as error:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await (await Process.started()).stop()
            await send({"type": "lifespan.shutdown.complete"})
            return
