"""Connections that nobody ends."""

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from realtime.outbound import Frame
from realtime.transports.engineio.app import EngineApp
from realtime.transports.engineio.session import EngineSession
from tests.realtime.waiting import until
from tests.review.conftest import Raw
from tests.review.test_engine_fuzz import Handler

pytestmark = [pytest.mark.asyncio]


async def gone(served: Any, within: float) -> None:
    try:
        async with asyncio.timeout(within):
            while served.server.server_state.connections:
                await asyncio.sleep(0.05)
    except TimeoutError:
        (left,) = served.server.server_state.connections
        pytest.fail(
            f"still there: closing {left.transport.is_closing()}, {left.transport.get_write_buffer_size()} bytes wait"
        )


async def test_a_stock_application_that_has_ended_leaves_no_connection_behind(serve: Callable[..., Any]) -> None:
    """`WebSocketProtocol`: "waits for no client that does not read"; but only for those whose Writer is stopped."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "x" * 1_000_000})

    served = await serve(app, ws_ping_interval=0.5, ws_ping_timeout=0.5)
    raw = await Raw(served.port).open()
    await gone(served, 13)
    raw.close()


async def test_a_poll_that_is_not_read_leaves_no_connection_behind(serve: Callable[..., Any]) -> None:
    handlers: list[Handler] = []

    async def on_open(session: EngineSession) -> Handler:
        handlers.append(Handler(session))
        return handlers[-1]

    served = await serve(EngineApp(on_open), timeout_keep_alive=1)
    async with httpx.AsyncClient(timeout=10) as http:
        base = f"http://127.0.0.1:{served.port}/?EIO=4"
        sid = json.loads((await http.get(base + "&transport=polling")).text[1:])["sid"]
    handlers[0].session.write(Frame.of("4" + "x" * 900_000))
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    sock.connect(("127.0.0.1", served.port))
    sock.sendall(f"GET /?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await until(lambda: not len(handlers[0].session._backlog))
    handlers[0].session.abort("transport close")
    await gone(served, 13)
    sock.close()
