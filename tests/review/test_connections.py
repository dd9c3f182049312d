"""Clients that do not read, on real sockets."""

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from realtime.errors import ClientError, Close
from realtime.process import Process
from tests.realtime.waiting import until
from tests.review.conftest import Raw

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]
Serve = Callable[..., Any]


def protocol_of(served: Any) -> Any:
    (protocol,) = served.server.server_state.connections
    return protocol


def session_of(process: Process) -> Any:
    (session,) = process.hub.sessions
    return session


async def stuffed(process: Process, served: Any, raw: Raw, size: int = 20_000) -> None:
    """Have so much told to the client that its transport is paused and some frames wait behind it."""
    session = session_of(process)
    from realtime.outbound import Frame

    while protocol_of(served).writable.is_set():
        session.sink.write(Frame.of("x" * size))
        await asyncio.sleep(0.01)
    for _ in range(5):
        session.sink.write(Frame.of("y" * size))
    await asyncio.sleep(0.05)
    assert not protocol_of(served).writable.is_set()
    assert not session.sink.is_closed


async def test_a_client_that_floods_pings_and_reads_nothing_is_bounded(process: Process, serve: Serve) -> None:
    """uvicorn answers each ping straight into the transport: nothing of that counts as waiting."""
    served = await serve()
    raw = await Raw(served.port).open()  # no token is needed
    pings = Raw.frame(9, b"p" * 125) * 500
    protocol = protocol_of(served)
    for _ in range(200):
        try:
            async with asyncio.timeout(1):
                await raw.send_raw(pings)
        except (TimeoutError, ConnectionError):
            break
        if protocol.transport.is_closing():
            break
    buffered = protocol.transport.get_write_buffer_size()
    raw.close()
    assert buffered < 2_000_000, f"{buffered} bytes of pongs wait for one client that has not even logged in"


async def test_a_client_that_half_closes_and_does_not_read_does_not_stay_for_ever(
    process: Process, serve: Serve, alice: User
) -> None:
    """Its EOF closes the transport gently: no keepalive, no disconnect, nothing counted; with data waiting, for ever."""
    served = await serve(ws_ping_interval=0.3, ws_ping_timeout=0.3)
    raw = await Raw(served.port).open(alice)
    await until(lambda: bool(process.hub.sessions) and session_of(process)._opening is None)
    await stuffed(process, served, raw)
    protocol = protocol_of(served)
    protocol.stop_keepalive()  # a ping in flight would save us; between two pings there is none
    protocol.schedule_ping()
    raw.sock.shutdown(socket.SHUT_WR)
    try:
        async with asyncio.timeout(14):
            while process.hub.sessions:
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"online still; closing: {protocol.transport.is_closing()}")
    finally:
        raw.close()


async def test_who_is_revoked_while_it_reads_slowly_hears_why(process: Process, serve: Serve, alice: User) -> None:
    """It says something meanwhile, as every client with a heartbeat of its own does."""
    served = await serve()
    raw = await Raw(served.port).open(alice)
    await until(lambda: bool(process.hub.sessions) and session_of(process)._opening is None)
    await stuffed(process, served, raw)
    session_of(process).end(ClientError("AUTH_FAILED", "You were logged out."), Close.UNAUTHENTICATED)
    await raw.say(json.dumps({"event": "ping", "id": 1}))
    await asyncio.sleep(1.5)
    texts, code = await raw.all()
    raw.close()
    assert [text[:1] for text in texts].count(b"y") == 5, "queued frames are lost"
    assert b"AUTH_FAILED" in texts[-1]
    assert code == Close.UNAUTHENTICATED


async def test_who_is_revoked_and_reads_nothing_is_gone_soon(process: Process, serve: Serve, alice: User) -> None:
    """What waits is under the limit, so nobody cuts it; only the keepalive does, 85 s later."""
    served = await serve()
    raw = await Raw(served.port).open(alice)
    await until(lambda: bool(process.hub.sessions) and session_of(process)._opening is None)
    await stuffed(process, served, raw)
    session_of(process).end(ClientError("AUTH_FAILED", "You were logged out."), Close.UNAUTHENTICATED)
    try:
        async with asyncio.timeout(35):  # as long as Engine.IO's LINGER, and more
            while process.hub.sessions:
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail("still connected, online, in its rooms")
    finally:
        raw.close()


async def test_a_close_frame_is_not_lost_behind_pongs(process: Process, serve: Serve, alice: User) -> None:
    """`RawWriter.close` believes that it is writable, but pongs can have paused the transport."""
    served = await serve()
    raw = await Raw(served.port).open(alice)
    await until(lambda: bool(process.hub.sessions) and session_of(process)._opening is None)
    protocol = protocol_of(served)
    while protocol.writable.is_set():
        await raw.send_raw(Raw.frame(9, b"p" * 125) * 100)
        await asyncio.sleep(0.01)
    session_of(process).sink.close(Close.UNAUTHENTICATED, "AUTH_FAILED")
    await asyncio.sleep(1.5)
    texts, code = await raw.all()
    raw.close()
    assert code == Close.UNAUTHENTICATED


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 65537, 200_000])
async def test_framing(process: Process, serve: Serve, alice: User, size: int) -> None:
    from realtime.outbound import Frame

    served = await serve()
    raw = await Raw(served.port).open(alice)
    await until(lambda: bool(process.hub.sessions) and session_of(process)._opening is None)
    await raw.read()
    session_of(process).sink.write(Frame.of("a" * size, b"b" * size))
    assert await raw.read() == (1, b"a" * size)
    assert await raw.read() == (2, b"b" * size)
    raw.close()


async def test_a_reset_while_paused_ends_the_session(process: Process, serve: Serve, alice: User) -> None:
    import struct

    served = await serve()
    raw = await Raw(served.port).open(alice)
    await until(lambda: bool(process.hub.sessions) and session_of(process)._opening is None)
    await stuffed(process, served, raw)
    raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()
    await until(lambda: not process.hub.sessions and not process.connections)


async def test_order_holds_through_many_pauses(process: Process, serve: Serve, alice: User) -> None:
    from realtime.outbound import Frame

    served = await serve()
    raw = await Raw(served.port).open(alice)
    await until(lambda: bool(process.hub.sessions) and session_of(process)._opening is None)
    sink = session_of(process).sink
    sent = 0
    got: list[int] = []
    await raw.read()

    async def tell() -> None:
        nonlocal sent
        while sent < 3000:
            for _ in range(20):
                sink.write(Frame.of(f"{sent:06}" + "z" * (sent * 37 % 3000)))
                sent += 1
            while len(sink._backlog) > 50:
                await asyncio.sleep(0)
            await asyncio.sleep(0)
        sink.close(Close.GOING_AWAY, "bye")

    task = asyncio.create_task(tell())
    texts, code = await raw.all()
    await task
    got = [int(text[:6]) for text in texts]
    assert got == list(range(3000))
    assert code == 1001
    raw.close()


async def test_empty_continuations_do_not_grow_memory(process: Process, serve: Serve) -> None:
    served = await serve()
    raw = await Raw(served.port).open()
    await raw.send_raw(Raw.frame(1, b"", fin=False))
    more = Raw.frame(0, b"", fin=False) * 2000
    for _ in range(100):
        await raw.send_raw(more)
    await asyncio.sleep(0.3)
    protocol = protocol_of(served)
    count = len(protocol.frames)
    raw.close()
    assert count < 10_000, f"{count} fragments are kept"
