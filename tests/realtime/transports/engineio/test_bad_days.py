"""What clients and networks do beside the specification, on real servers."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.realtime.transports.engineio.servers import Client, EngineServer, closed
from tests.realtime.waiting import soon

pytestmark = pytest.mark.asyncio

LIMIT = 1_000_000


async def messages_polled(client: Client, number: int) -> list[str]:
    """So many messages, by as many polls as it takes."""
    got: list[str] = []
    while len(got) < number:
        got += (await client.get()).text.split("\x1e")
    return got


async def chunks(size: int) -> AsyncIterator[bytes]:
    """A body of one message whose length nobody announces."""
    yield b"4"
    for _ in range(size // 10_000):
        yield b"x" * 10_000


def numbers(count: int) -> list[str]:
    return [f"4{number}" for number in range(count)]


# -- polling ------------------------------------------------------------------------------------------


async def test_a_post_of_many_packets_is_taken_whole(client: Client) -> None:
    await client.open()
    assert (await client.post("\x1e".join(numbers(100)))).text == "ok"
    assert await messages_polled(client, 100) == numbers(100)


async def test_a_burst_is_polled_in_order(client: Client) -> None:
    await client.open()
    await client.post("4burst 300")
    assert await messages_polled(client, 300) == numbers(300)


async def test_a_stream_is_polled_in_order(client: Client) -> None:
    await client.open()
    await client.post("4stream 300")
    assert await messages_polled(client, 300) == numbers(300)


async def test_a_poll_that_the_client_abandons_closes_the_session(server: EngineServer, client: Client) -> None:
    await client.open()
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"GET {client.path()} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode())
    await soon(client.polled())
    writer.close()
    await writer.wait_closed()
    assert await soon(client.ends()) == ["transport close"]
    assert (await client.get()).json() == {"code": 1, "message": "Session ID unknown"}


async def test_a_body_in_chunks_is_taken(client: Client) -> None:
    await client.open()
    assert (await client.post(chunks(100_000))).text == "ok"
    assert (await client.get()).text == "4" + "x" * 100_000


async def test_a_body_of_just_the_limit_is_taken(client: Client) -> None:
    await client.open()
    assert (await client.post("4" + "x" * (LIMIT - 1))).text == "ok"


async def test_a_body_that_announces_too_much_closes_the_session(client: Client) -> None:
    await client.open()
    assert (await client.post("4" + "x" * LIMIT)).status_code == 413
    assert await client.ends() == ["transport error"]


async def test_a_body_in_chunks_that_becomes_too_big_closes_the_session(client: Client) -> None:
    await client.open()
    assert (await client.post(chunks(2 * LIMIT))).status_code == 413
    assert await client.ends() == ["transport error"]


async def test_a_post_that_breaks_off_is_not_heard(server: EngineServer, client: Client) -> None:
    await client.open()
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"POST {client.path()} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 9\r\n\r\n4half".encode())
    if server.kind != "daphne":
        while not (await client.state())["is_posted"]:
            pass
    writer.close()
    await writer.wait_closed()
    if server.kind != "daphne":
        assert await soon(client.ends()) == ["transport error"]
    else:  # daphne calls the application for whole bodies alone
        await client.post("4whole")
        assert (await client.get()).text == "4whole"


async def test_two_posts_at_a_time_close_the_session(client: Client) -> None:
    await client.open()
    slow = "\x1e".join(["4slowly"] * 500)
    answers = await asyncio.gather(client.post(slow), client.post(slow))
    assert {answer.status_code for answer in answers} == {200, 400}
    assert await client.ends() == ["transport error"]


async def test_close_delivers_what_is_queued_to_a_poll(client: Client) -> None:
    await client.open()
    assert (await client.post("4hello\x1e4close")).text == "ok"
    assert (await client.get()).text == "4hello\x1e4last words\x1e1"
    assert await client.ends() == ["forced close"]
    assert (await client.get()).status_code == 400


async def test_a_layer_that_calls_a_message_malformed_closes_the_session(client: Client) -> None:
    await client.open()
    assert (await client.post("4break")).status_code == 400
    assert await client.ends() == ["parse error"]


# -- WebSocket ----------------------------------------------------------------------------------------


async def test_a_burst_comes_over_a_websocket_in_order(client: Client) -> None:
    async with client.websocket() as socket:
        await soon(socket.recv())
        await socket.send("4burst 300")
        assert [await soon(socket.recv()) for _ in range(300)] == numbers(300)


async def test_close_writes_what_is_queued_to_a_websocket_first(client: Client) -> None:
    async with client.websocket() as socket:
        client.sid = json.loads(str(await soon(socket.recv()))[1:])["sid"]
        await socket.send("4close")
        assert await soon(socket.recv()) == "4last words"
        assert await closed(socket) in {1001, 4001}  # daphne has none of RFC 6455's own codes
    assert await client.ends() == ["forced close"]


@pytest.mark.parametrize("packet", ["4" + "x" * LIMIT, b"\x00" * (LIMIT + 1)])
async def test_a_frame_over_the_limit_closes_with_1009(client: Client, packet: str | bytes) -> None:
    async with client.websocket() as socket:
        client.sid = json.loads(str(await soon(socket.recv()))[1:])["sid"]
        await socket.send(packet)
        assert await closed(socket) in {1009, 4009}
    assert await client.ends() == ["transport error"]


async def test_a_frame_that_is_not_utf8_closes_with_1007(client: Client) -> None:
    async with client.websocket() as socket:
        client.sid = json.loads(str(await soon(socket.recv()))[1:])["sid"]
        await socket.send(b"4\xff\xfe", text=True)
        code = await closed(socket)
    end = (code, *await client.ends())
    assert end in {(1007, "parse error"), (1006, "transport close")}  # daphne drops the connection instead


async def test_a_client_that_vanishes_ends_its_session(client: Client) -> None:
    async with client.websocket() as socket:
        client.sid = json.loads(str(await soon(socket.recv()))[1:])["sid"]
        socket.transport.abort()
    assert await soon(client.ends()) == ["transport close"]


# -- the upgrade --------------------------------------------------------------------------------------


async def test_an_upgrade_loses_and_reorders_nothing(client: Client) -> None:
    await client.open()
    await client.post("4stream 1000")
    got: list[str] = []
    async with client.websocket() as socket:
        await socket.send("2probe")
        probed = asyncio.create_task(socket.recv())
        while not probed.done():  # as clients do: they poll until the probe is answered
            got += (await client.get()).text.split("\x1e")
        assert await probed == "3probe"
        await socket.send("5")
        while not got or got[-1] != "4999":
            got.append(str(await soon(socket.recv())))
    assert [packet for packet in got if packet != "6"] == numbers(1000)


async def test_messages_up_keep_their_order_over_the_upgrade(client: Client) -> None:
    await client.open()
    async with client.websocket() as socket:
        await socket.send("2probe")
        assert await soon(socket.recv()) == "3probe"
        post = asyncio.create_task(client.post("4slowly 1\x1e4slowly 2\x1eb"))
        while not (await client.state())["is_posted"]:
            pass
        await socket.send("5")
        await socket.send("4after")
        assert (await post).text == "ok"
        got = [await soon(socket.recv()) for _ in range(3)]
        assert got[:2] == ["4slowly 1", "4slowly 2"]


async def test_binary_messages_pass_before_and_after_the_upgrade(client: Client) -> None:
    await client.open()
    await client.post("bAQID")
    assert (await client.get()).text == "bAQID"
    async with client.websocket() as socket:
        await client.post("bBAUG")
        await socket.send("2probe")
        assert await soon(socket.recv()) == "3probe"
        await socket.send("5")
        assert await soon(socket.recv()) == b"\x04\x05\x06"
        await socket.send(b"\x07")
        assert await soon(socket.recv()) == b"\x07"


async def test_the_poll_in_flight_is_released_for_the_upgrade(client: Client) -> None:
    await client.open()
    poll = asyncio.create_task(client.get())
    await soon(client.polled())
    async with client.websocket() as socket:
        await socket.send("2probe")
        assert await soon(socket.recv()) == "3probe"
        assert (await poll).text == "6"
        await socket.send("5")
        await socket.send("4hello")
        assert await soon(socket.recv()) == "4hello"


async def test_a_wrong_probe_is_refused_and_polling_goes_on(client: Client) -> None:
    await client.open()
    async with client.websocket() as socket:
        await socket.send("2wrong")
        assert await closed(socket) == 4400
    await client.post("4hello")
    assert (await client.get()).text == "4hello"


async def test_a_probe_that_is_abandoned_or_too_slow_leaves_polling_working(
    server: EngineServer, client: Client
) -> None:
    await client.open()
    async with client.websocket() as socket:
        await socket.send("2probe")
        assert await soon(socket.recv()) == "3probe"
    server.configure(upgrade_timeout=0.05)
    async with client.websocket() as socket:
        await socket.send("2probe")
        assert await closed(socket) == 4400
    await client.post("4hello")
    assert "4hello" in await messages_polled(client, 1)


# -- the door -----------------------------------------------------------------------------------------


async def test_whom_the_layer_above_refuses_hears_why(client: Client) -> None:
    answer = await client.http.get(client.path() + "&refuse=TOO_MANY_CONNECTIONS")
    assert (answer.status_code, answer.json()["code"]) == (429, "TOO_MANY_CONNECTIONS")
    async with client.websocket("EIO=4&transport=websocket&refuse=TOO_MANY_CONNECTIONS") as socket:
        assert await closed(socket) == 4429


async def test_origins_are_checked_and_told(client: Client) -> None:
    path, allowed = client.path(), "http://localhost:3000"
    answer = await client.http.get(path, headers={"origin": allowed})
    assert answer.headers["access-control-allow-origin"] == allowed
    assert answer.headers["vary"] == "Origin"
    preflight = await client.http.options(path, headers={"origin": allowed})
    assert (preflight.status_code, preflight.headers["access-control-allow-methods"]) == (200, "GET, POST")
    assert (await client.http.get(path, headers={"origin": "http://evil.example"})).status_code == 403


async def test_a_websocket_of_another_origin_is_closed(client: Client) -> None:
    async with client.websocket(origin="http://evil.example") as socket:
        assert await closed(socket) == 4403


@pytest.mark.parametrize("kind", ["ours", "uvicorn", "daphne"])
async def test_a_server_that_stops_ends_polls_and_websockets(kind: str) -> None:
    server = EngineServer(kind).start()
    try:
        async with Client(server) as polling, Client(server) as other:
            await polling.open()
            poll = asyncio.create_task(polling.get())
            await soon(polling.polled())
            async with other.websocket() as socket:
                await soon(socket.recv())
                await asyncio.to_thread(server.stop)
                await closed(socket)
            with pytest.raises(httpx.HTTPError):
                (await poll).raise_for_status()
    finally:
        server.stop()
    assert not [line for line in server.complaints() if "Exception in ASGI application" not in line]
