"""Engine.IO in a hurry: an upgrade in the midst of everything, and clients that leave in the midst of something."""

import asyncio
import json
import logging
import random
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from accounts.models import User
from realtime import websockets
from realtime.outbound import Frame
from realtime.process import Process
from realtime.transports.engineio.session import EngineSession
from tests.hard_edges.engines import Engine
from tests.hard_edges.raw import Raw, small_socket
from tests.hard_edges.serving import Served
from tests.realtime.waiting import soon, until

pytestmark = pytest.mark.asyncio
Serve = Callable[..., Awaitable[Served]]
TOTAL = 400


async def handshake(http: httpx.AsyncClient, engine: Engine) -> str:
    """A session over polling."""
    return str(json.loads((await http.get(engine.url("polling"))).text[1:])["sid"])


class Upgrading:
    """A client that polls and then upgrades while it is told something without a pause."""

    def __init__(self, engine: Engine, http: httpx.AsyncClient, sid: str, rng: random.Random) -> None:
        self._engine, self._http, self._sid, self._rng = engine, http, sid, rng
        self._paused, self._upgraded = asyncio.Event(), asyncio.Event()
        self._polls = 0
        self.got: list[int] = []

    async def tell(self, session: EngineSession) -> None:
        """All the numbers, the last quarter not before the upgrade."""
        for number in range(TOTAL):
            session.write(Frame.of(f"4{number:05}" + "x" * self._rng.choice([0, 10, 3000, 30_000])))
            if self._rng.random() < 0.2:
                await asyncio.sleep(self._rng.choice([0, 0, 0.001]))
                await until(lambda: len(session._backlog) < 20)
            if number == TOTAL * 3 // 4:
                await soon(self._upgraded.wait())
        session.close(1001, "done")

    def _take(self, packet: str) -> None:
        if packet[:1] == "4":
            self.got.append(int(packet[1:6]))

    async def poll(self) -> None:
        """Until the WebSocket has proved itself."""
        while not self._paused.is_set():
            answer = await self._http.get(self._engine.url("polling", self._sid))
            assert answer.status_code == 200, answer.text
            for packet in answer.text.split("\x1e"):
                self._take(packet)
            self._polls += 1

    async def upgrade(self, after: int) -> int | None:
        """After so many polls, and read to the end; the code of the close frame."""
        polling = asyncio.create_task(self.poll())
        await until(lambda: self._polls >= after)
        url = self._engine.url("websocket", self._sid)
        async with connect(url, compression=None, max_size=None) as ws:
            await ws.send("2probe")
            assert await soon(ws.recv()) == "3probe"
            self._paused.set()
            await soon(polling)
            await ws.send("5")
            self._upgraded.set()
            with suppress(ConnectionClosed):
                while True:
                    self._take(str(await soon(ws.recv())))
        return ws.close_code


@pytest.mark.parametrize("seed", range(6))
async def test_an_upgrade_loses_nothing_doubles_nothing_and_keeps_the_order(serve: Serve, seed: int) -> None:
    rng = random.Random(seed)
    engine = await Engine().start(serve)
    async with httpx.AsyncClient(timeout=10) as http:
        sid = await handshake(http, engine)
        client = Upgrading(engine, http, sid, rng)
        telling = asyncio.create_task(client.tell(engine.handler.session))
        code = await client.upgrade(after=seed)
        await telling
    assert client.got == list(range(TOTAL))
    assert code == 1001
    assert engine.handler.ends == ["forced close"]


@pytest.mark.django_db(transaction=True)
async def test_resets_in_the_middle_of_commands_raise_nothing(
    process: Process,
    serve: Serve,
    dial: Callable[..., Awaitable[Raw]],
    alice: User,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    served = await serve()
    for number in range(20):
        raw = await dial(served, alice)
        for command in range(8):
            await raw.say(json.dumps({"event": "ping", "id": command}))
        for _ in range(number % 10):
            await raw.read()
        raw.reset()
    await until(lambda: not process.connections and not process.hub.sessions)
    assert "Exception" not in caplog.text


async def test_a_post_that_never_ends_does_not_keep_an_upgraded_session(serve: Serve, settings: Any) -> None:
    engine = await Engine().start(serve)
    async with httpx.AsyncClient(timeout=10) as http:
        sid = await handshake(http, engine)
    session = engine.handler.session
    _, posting = await asyncio.open_connection("127.0.0.1", engine.served.port)
    path = engine.url("polling", sid).partition("/?")[2]
    posting.write(f"POST /?{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n4".encode())
    await until(lambda: session.requests.is_posted)
    async with connect(engine.url("websocket", sid)) as ws:
        await ws.send("2probe")
        assert await soon(ws.recv()) == "3probe"
        settings.REALTIME = {**settings.REALTIME, "UPGRADE_TIMEOUT": 0.2}
        await ws.send("5")
        await until(lambda: session.has_line)
    await until(lambda: bool(engine.handler.ends))
    posting.close()


async def test_an_application_that_has_ended_leaves_no_connection_behind(
    serve: Serve, dial: Callable[..., Awaitable[Raw]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websockets, "FAREWELL_TIMEOUT", 0.1)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "x" * 1_000_000})

    served = await serve(app)
    await dial(served)  # it reads nothing
    await until(lambda: not served.connections)


async def test_an_answer_that_is_not_read_leaves_no_connection_behind(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websockets, "FAREWELL_TIMEOUT", 0.1)
    engine = await Engine().start(serve, timeout_keep_alive=1)
    async with httpx.AsyncClient(timeout=10) as http:
        sid = await handshake(http, engine)
    session = engine.handler.session
    session.write(Frame.of("4" + "x" * 900_000))
    path = engine.url("polling", sid).partition("/?")[2]
    with small_socket() as sock:
        await poll_and_do_not_read(sock, engine.served.port, path)
        await until(lambda: not len(session._backlog))
        session.abort("transport close")
        await until(lambda: not engine.served.connections)


async def poll_and_do_not_read(sock: socket.socket, port: int, query: str) -> None:
    """A GET."""
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, ("127.0.0.1", port))
    await loop.sock_sendall(sock, f"GET /?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
