"""Clients that do not read, on real sockets."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from accounts.models import User
from realtime import outbound, websockets
from realtime.errors import ClientError, Close
from realtime.outbound import Frame
from realtime.process import Process
from realtime.sessions import Session
from realtime.transports import consumer
from tests.hard_edges.raw import BINARY, CONTINUATION, PING, PONG, TEXT, Raw, frame
from tests.hard_edges.serving import Served
from tests.realtime.waiting import soon, until

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]
Serve = Callable[..., Awaitable[Served]]
Dial = Callable[..., Awaitable[Raw]]

PINGS = frame(PING, b"p" * 125) * 100
LOGGED_OUT = ClientError("AUTH_FAILED", "You were logged out.")
SOON, NEVER = 0.1, 600.0  # seconds


def session_of(process: Process) -> Session:
    (session,) = process.hub.sessions
    return session


async def stuff(process: Process, served: Served) -> None:
    """Tell the client, which does not read, so much that its transport is paused and five frames wait behind it."""
    sink = session_of(process).sink
    while served.connection.writable.is_set():
        sink.write(Frame.of("x" * 20_000))
        await asyncio.sleep(0)
    for _ in range(5):
        sink.write(Frame.of("y" * 20_000))
    assert not sink.is_closed


async def greeted(dial: Dial, served: Served, user: User) -> Raw:
    """A client that reads nothing after its greeting."""
    raw = await dial(served, user)
    opcode, body = await raw.read()
    assert (opcode, json.loads(body)["event"]) == (TEXT, "connected")
    return raw


async def test_pongs_that_nobody_reads_do_not_wait_without_bound(process: Process, serve: Serve, dial: Dial) -> None:
    served = await serve()
    raw = await dial(served)  # no token is needed
    for _ in range(500):
        await raw.send(PINGS)
    waiting = served.connection.transport.get_write_buffer_size()
    assert waiting < 1_000_000, f"{waiting} bytes of pongs wait for one client that has not even logged in"


async def test_a_close_frame_is_not_lost_behind_pongs(
    process: Process, serve: Serve, dial: Dial, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "CLOSE_TIMEOUT", SOON)
    served = await serve()
    raw = await greeted(dial, served, alice)
    while served.connection.writable.is_set():
        await raw.send(PINGS)
        await asyncio.sleep(0)
    session_of(process).sink.close(Close.UNAUTHENTICATED, "AUTH_FAILED")
    await until(lambda: not process.hub.sessions)  # the application is done with it, before it has read anything
    _, code = await soon(raw.all())
    assert code == Close.UNAUTHENTICATED


async def test_who_half_closes_and_does_not_read_is_gone_after_the_farewell_timeout(
    process: Process, serve: Serve, dial: Dial, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websockets, "FAREWELL_TIMEOUT", SOON)
    served = await serve()
    raw = await greeted(dial, served, alice)
    await stuff(process, served)
    raw.sock.shutdown(socket.SHUT_WR)
    await until(lambda: not process.hub.sessions)


async def test_who_is_logged_out_while_it_reads_slowly_gets_all_that_waits_and_hears_why(
    process: Process, serve: Serve, dial: Dial, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "LINGER", NEVER)
    served = await serve()
    raw = await greeted(dial, served, alice)
    await stuff(process, served)
    session_of(process).end(LOGGED_OUT, Close.UNAUTHENTICATED)
    heard = asyncio.Event()
    connection, handle_text = served.connection, served.connection.handle_text

    def hear(event: Any) -> None:
        handle_text(event)
        heard.set()

    monkeypatch.setattr(connection, "handle_text", hear)
    await raw.say(json.dumps({"event": "ping", "id": 1}))  # as clients with a heartbeat of their own do
    await soon(heard.wait())
    await until(connection.queue.empty)
    texts, code = await soon(raw.all())
    assert [text[:1] for text in texts].count(b"y") == 5
    assert b"AUTH_FAILED" in texts[-1]
    assert code == Close.UNAUTHENTICATED


async def test_who_is_logged_out_and_reads_nothing_is_cut_off(
    process: Process, serve: Serve, dial: Dial, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "LINGER", SOON)
    monkeypatch.setattr(websockets, "CLOSE_TIMEOUT", SOON)
    served = await serve()
    await greeted(dial, served, alice)
    await stuff(process, served)
    session_of(process).end(LOGGED_OUT, Close.UNAUTHENTICATED)
    await until(lambda: not process.hub.sessions and not served.connections)


async def test_a_reset_while_frames_wait_ends_the_session(
    process: Process, serve: Serve, dial: Dial, alice: User
) -> None:
    served = await serve()
    raw = await greeted(dial, served, alice)
    await stuff(process, served)
    raw.reset()
    await until(lambda: not process.hub.sessions and not process.connections)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 65537, 200_000])
async def test_a_frame_of_any_size_arrives_as_it_is(
    process: Process, serve: Serve, dial: Dial, alice: User, size: int
) -> None:
    raw = await greeted(dial, await serve(), alice)
    session_of(process).sink.write(Frame.of("a" * size, b"b" * size))
    assert await raw.read() == (TEXT, b"a" * size)
    assert await raw.read() == (BINARY, b"b" * size)


async def test_the_order_is_kept_through_many_pauses(process: Process, serve: Serve, dial: Dial, alice: User) -> None:
    raw = await greeted(dial, await serve(), alice)
    sink: Any = session_of(process).sink

    async def tell() -> None:
        for number in range(1000):
            sink.write(Frame.of(f"{number:06}" + "z" * (number * 37 % 3000)))
            if number % 20 == 0:
                await asyncio.sleep(0)
                await until(lambda: len(sink._backlog) <= 50)
        sink.close(Close.GOING_AWAY, "bye")

    telling = asyncio.create_task(tell())
    texts, code = await soon(raw.all())
    await telling
    assert [int(text[:6]) for text in texts] == list(range(1000))
    assert code == Close.GOING_AWAY


async def test_empty_parts_of_a_message_are_not_kept(process: Process, serve: Serve, dial: Dial) -> None:
    served = await serve()
    raw = await dial(served)
    await raw.send(frame(TEXT, b"", is_last=False))
    for _ in range(10):
        await raw.send(frame(CONTINUATION, b"", is_last=False) * 1000)
    await raw.send(frame(PING, b"all of it?"))
    assert await raw.read() == (PONG, b"all of it?")
    assert len(served.connection.frames) < 10
