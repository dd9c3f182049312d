"""The production server: uvicorn with uvloop, set up for long-lived connections."""

import asyncio
import gc
import logging
import os
from typing import Any

import uvicorn

from realtime import process
from realtime.conf import conf
from realtime.websockets import WebSocketProtocol

logger = logging.getLogger(__name__)

BACKLOG = 4096  # connections that wait to be accepted in a storm
GARBAGE = (20_000, 20, 50)  # new objects until Python looks for cycles: all is walked that thousands of clients have
FORCE_INTERVAL = 0.1  # seconds between two looks at whether somebody insists


class Server(uvicorn.Server):
    """Sends clients to other processes (1001) before uvicorn closes what is left (1012).

    All of it takes `drain_timeout` at most. A second Ctrl-C ends it at once.
    """

    async def startup(self, sockets: Any = None) -> None:
        """Begin; what is there by then stays for good, and is not looked through for garbage again."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()

    async def shutdown(self, sockets: Any = None) -> None:
        """Drain while new clients are still told to go elsewhere, then end as uvicorn does."""
        loop = asyncio.get_running_loop()
        end = loop.time() + conf().drain_timeout
        if process.current is not None:
            draining = asyncio.create_task(process.current.drain(), name="drain")
            while not (draining.done() or self.force_exit or loop.time() > end):
                await asyncio.wait([draining], timeout=FORCE_INTERVAL)
            draining.cancel()
        self.config.timeout_graceful_shutdown = max(1, int(end - loop.time()))
        await super().shutdown(sockets)


def config(*, host: str, port: int) -> uvicorn.Config:
    """uvicorn's settings for this project; pings as `heartbeat_interval` and `heartbeat_timeout` say."""
    return uvicorn.Config(
        os.environ.get("ASGI_APPLICATION", "realtime_project.asgi:application"),
        host=host,
        port=port,
        ws=WebSocketProtocol,
        ws_max_size=conf().max_payload,
        ws_ping_interval=conf().heartbeat_interval,
        ws_ping_timeout=conf().heartbeat_timeout,
        ws_per_message_deflate=False,  # it delays frames by milliseconds and costs memory for each connection
        proxy_headers=False,  # realtime.addresses does that, for trusted proxies alone
        server_header=False,
        access_log=False,
        log_config=None,  # Django's logging has been set up, with its redaction
        lifespan="on",
        backlog=BACKLOG,
    )


def serve(*, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    gc.set_threshold(*GARBAGE)
    Server(config(host=host, port=port)).run()
