"""Polling, the upgrade and the WebSocket under load: nothing lost, doubled or reordered."""

import asyncio
import contextlib
import logging
import random
import socket
import struct
from collections.abc import Callable
from typing import Any

import httpx
import json
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from accounts.models import User
from realtime.outbound import Frame
from realtime.process import Process
from realtime.transports.engineio.app import EngineApp
from realtime.transports.engineio.session import EngineSession
from tests.realtime.waiting import until
from tests.review.conftest import Raw

pytestmark = [pytest.mark.asyncio]


class Handler:
    def __init__(self, session: EngineSession) -> None:
        self.session, self.ends = session, []  # type: ignore[var-annotated]

    async def on_message(self, message: Any) -> None: ...

    def on_close(self, reason: str) -> None:
        self.ends.append(reason)


@pytest.mark.parametrize("seed", range(8))
async def test_an_upgrade_under_fire(serve: Callable[..., Any], seed: int) -> None:
    rng = random.Random(seed)
    handlers: list[Handler] = []

    async def on_open(session: EngineSession) -> Handler:
        handlers.append(Handler(session))
        return handlers[-1]

    served = await serve(EngineApp(on_open))
    base = f"http://127.0.0.1:{served.port}/?EIO=4"
    got: list[int] = []
    total = 400

    async def tell(session: EngineSession) -> None:
        sent = 0
        while sent < total:
            for _ in range(rng.randrange(1, 12)):
                if sent < total:
                    session.write(Frame.of(f"4{sent:05}" + "x" * rng.choice([0, 10, 3000, 30_000])))
                    sent += 1
            await asyncio.sleep(rng.choice([0, 0, 0.001, 0.005]))
            while len(session._backlog) > 20:
                await asyncio.sleep(0.001)
        session.close(1001, "done")

    def take(packet: str) -> None:
        if packet[:1] == "4":
            got.append(int(packet[1:6]))

    async with httpx.AsyncClient(timeout=10) as http:
        sid = json.loads((await http.get(base + "&transport=polling")).text[1:])["sid"]
        (handler,) = handlers
        telling = asyncio.create_task(tell(handler.session))
        upgrade_after = rng.randrange(0, 8)
        ready = asyncio.Event()

        async def poll_until_paused() -> None:
            while not ready.is_set():
                answer = await http.get(f"{base}&transport=polling&sid={sid}")
                assert answer.status_code == 200, answer.text
                for packet in answer.text.split("\x1e"):
                    take(packet)

        polling = asyncio.create_task(poll_until_paused())
        for _ in range(upgrade_after):
            await asyncio.sleep(0.003)
        async with connect(
            f"ws://127.0.0.1:{served.port}/?EIO=4&transport=websocket&sid={sid}", compression=None, max_size=None
        ) as ws:
            await ws.send("2probe")
            assert await ws.recv() == "3probe"
            ready.set()
            await polling
            await ws.send("5")
            with contextlib.suppress(ConnectionClosed):
                while True:
                    take(str(await ws.recv()))
                    if rng.random() < 0.05:
                        await asyncio.sleep(0.005)
        await telling
        assert got == list(range(total))
        assert ws.close_code == 1001
        assert handler.ends == ["forced close"]


@pytest.mark.django_db(transaction=True)
async def test_resets_in_the_middle_of_commands_raise_nothing(
    process: Process, serve: Callable[..., Any], alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    from accounts.tokens import access_token

    served = await serve()
    token = await asyncio.to_thread(access_token, alice)
    caplog.set_level(logging.WARNING)
    for number in range(30):
        raw = await Raw(served.port).open(token=token)
        for n in range(8):
            await raw.say(json.dumps({"event": "ping", "id": n}))
        await asyncio.sleep(number * 0.0015)
        raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()
    await until(lambda: not process.connections and not process.hub.sessions)
    assert "Exception" not in caplog.text, caplog.text[-3000:]


async def test_a_post_that_never_ends_does_not_keep_an_upgraded_session(serve: Callable[..., Any]) -> None:
    """The WebSocket has gone, but its task waits for the POST of the old transport."""
    handlers: list[Handler] = []

    async def on_open(session: EngineSession) -> Handler:
        handlers.append(Handler(session))
        return handlers[-1]

    served = await serve(EngineApp(on_open))
    base = f"http://127.0.0.1:{served.port}/?EIO=4"
    async with httpx.AsyncClient(timeout=10) as http:
        sid = json.loads((await http.get(base + "&transport=polling")).text[1:])["sid"]
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(
            f"POST /?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n4".encode()
        )
        await until(lambda: handlers[0].session.requests.is_posted)
        async with connect(f"ws://127.0.0.1:{served.port}/?EIO=4&transport=websocket&sid={sid}") as ws:
            await ws.send("2probe")
            await ws.recv()
            await ws.send("5")
            await until(lambda: handlers[0].session.has_line)
        # the WebSocket has been closed in order, by the client
        try:
            async with asyncio.timeout(3):
                while not handlers[0].ends:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pytest.fail("the session does not notice that its client has left")
        finally:
            writer.close()
            await asyncio.sleep(0.1)
