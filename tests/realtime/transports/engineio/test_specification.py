"""Every case of the Engine.IO specification and its conformance suite, on real servers.

The first half is what the conformance suite checks, group by group; the second what the specification
says beside it, and what clients do on bad days.
"""

import asyncio
import json

import pytest

from tests.realtime.transports.engineio.servers import Client, EngineServer, closed
from tests.realtime.waiting import soon

pytestmark = pytest.mark.asyncio

HANDSHAKE = {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}


def text(packet: str | bytes) -> str:
    assert isinstance(packet, str)
    return packet


# -- the conformance suite: handshake ---------------------------------------------------------------


async def test_a_session_opens_over_polling(client: Client) -> None:
    answer = await client.get()
    assert answer.status_code == 200
    assert answer.text[0] == "0"
    handshake = json.loads(answer.text[1:])
    assert set(handshake) == HANDSHAKE
    assert handshake["upgrades"] == ["websocket"]
    assert (handshake["pingInterval"], handshake["pingTimeout"]) == (25_000, 60_000)
    assert handshake["maxPayload"] == 1_000_000


@pytest.mark.parametrize(
    ("method", "query"),
    [
        ("GET", "transport=polling"),
        ("GET", "EIO=abc&transport=polling"),
        ("GET", "EIO=4"),
        ("GET", "EIO=4&transport=abc"),
        ("POST", "EIO=4&transport=polling"),
        ("PUT", "EIO=4&transport=polling"),
        ("HEAD", "EIO=4&transport=polling"),
    ],
)
async def test_a_bad_handshake_over_polling_is_refused(client: Client, method: str, query: str) -> None:
    answer = await client.http.request(method, f"/socket.io/?{query}")
    assert answer.status_code == 400


async def test_a_session_opens_over_a_websocket(client: Client) -> None:
    async with client.websocket() as socket:
        packet = text(await soon(socket.recv()))
        assert packet[0] == "0"
        handshake = json.loads(packet[1:])
        assert set(handshake) == HANDSHAKE
        assert handshake["upgrades"] == []


@pytest.mark.parametrize(
    "query", ["transport=websocket", "EIO=abc&transport=websocket", "EIO=4", "EIO=4&transport=abc"]
)
async def test_a_bad_handshake_over_a_websocket_is_closed(client: Client, query: str) -> None:
    async with client.websocket(query) as socket:
        assert await closed(socket) == 4400


# -- the conformance suite: messages ----------------------------------------------------------------


@pytest.mark.parametrize("payload", ["4hello", "4test1\x1e4test2\x1e4test3", "4hello\x1ebAQIDBA==", "4€\x1e4", "b"])
async def test_messages_go_there_and_back_over_polling(client: Client, payload: str) -> None:
    await client.open()
    answer = await client.post(payload)
    assert (answer.status_code, answer.text) == (200, "ok")
    answer = await client.get()
    assert (answer.status_code, answer.text) == (200, payload)


@pytest.mark.parametrize("payload", ["abc", "", "4good\x1ebad", "b!!!", "7", "2"])
async def test_a_malformed_payload_closes_the_session(client: Client, payload: str) -> None:
    await client.open()
    assert (await client.post(payload)).status_code == 400
    assert (await client.get()).status_code == 400
    assert await client.ends() == ["parse error"]


async def test_two_polls_at_a_time_close_the_session(client: Client) -> None:
    await client.open()
    answers = sorted(await asyncio.gather(client.get(), client.get()), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [200, 400]
    assert answers[0].text == "1"
    assert (await client.get()).status_code == 400
    assert await client.ends() == ["transport error"]


@pytest.mark.parametrize("packet", ["4hello", b"\x01\x02\x03\x04"])
async def test_messages_go_there_and_back_over_a_websocket(client: Client, packet: str | bytes) -> None:
    async with client.websocket() as socket:
        await soon(socket.recv())
        await socket.send(packet)
        assert await soon(socket.recv()) == packet


@pytest.mark.parametrize("packet", ["abc", "7", "2", "5"])
async def test_a_malformed_packet_closes_the_websocket(client: Client, packet: str) -> None:
    async with client.websocket() as socket:
        await soon(socket.recv())
        await socket.send(packet)
        assert await closed(socket) == 4400


# -- the conformance suite: heartbeat ---------------------------------------------------------------


async def test_pings_and_pongs_over_polling(server: EngineServer, client: Client) -> None:
    server.configure(heartbeat_interval=0.05)
    await client.open()
    for _ in range(3):
        assert (await client.get()).text == "2"
        assert (await client.post("3")).text == "ok"


async def test_a_session_without_a_pong_is_closed_over_polling(server: EngineServer, client: Client) -> None:
    server.configure(heartbeat_interval=0.05, heartbeat_timeout=0.05)
    await client.open()
    assert await soon(client.ends()) == ["ping timeout"]
    answer = await client.get()
    assert (answer.status_code, answer.json()["code"]) == (400, 1)


async def test_pings_and_pongs_over_a_websocket(server: EngineServer, client: Client) -> None:
    server.configure(heartbeat_interval=0.05)
    async with client.websocket() as socket:
        await soon(socket.recv())
        for _ in range(3):
            assert await soon(socket.recv()) == "2"
            await socket.send("3")


async def test_a_session_without_a_pong_is_closed_over_a_websocket(server: EngineServer, client: Client) -> None:
    server.configure(heartbeat_interval=0.05, heartbeat_timeout=0.05)
    async with client.websocket() as socket:
        client.sid = json.loads(text(await soon(socket.recv()))[1:])["sid"]
        assert await closed(socket) == 1000
    assert await client.ends() == ["ping timeout"]


# -- the conformance suite: close -------------------------------------------------------------------


async def test_a_close_packet_over_polling_ends_the_poll(client: Client) -> None:
    await client.open()
    poll = asyncio.create_task(client.get())
    await soon(client.polled())
    assert (await client.post("1")).text == "ok"
    answer = await poll
    assert (answer.status_code, answer.text) == (200, "6")
    assert (await client.get()).status_code == 400
    assert await client.ends() == ["transport close"]


async def test_a_close_packet_over_a_websocket_closes_it(client: Client) -> None:
    async with client.websocket() as socket:
        await soon(socket.recv())
        await socket.send("1")
        assert await closed(socket) == 1000


# -- the conformance suite: upgrade -----------------------------------------------------------------


async def test_a_session_is_upgraded(client: Client) -> None:
    await client.open()
    async with client.websocket() as socket:
        await socket.send("2probe")
        assert await soon(socket.recv()) == "3probe"
        await socket.send("5")
        await socket.send("4hello")
        assert await soon(socket.recv()) == "4hello"


async def test_requests_after_the_upgrade_are_refused_and_it_goes_on(server: EngineServer, client: Client) -> None:
    server.configure(poll_release=5)  # for a machine that is busy
    await client.open()
    async with client.websocket() as socket:
        await socket.send("2probe")
        await socket.send("5")
        assert (await client.get()).status_code == 400  # even if it overtook the "5"
        assert await soon(socket.recv()) == "3probe"
        assert (await client.post("4hello")).status_code == 400
        await socket.send("4hello")
        assert await soon(socket.recv()) == "4hello"


async def test_a_second_websocket_is_closed_and_the_first_goes_on(client: Client) -> None:
    await client.open()
    async with client.websocket() as socket, client.websocket() as probing:
        await socket.send("2probe")
        assert await soon(socket.recv()) == "3probe"
        await socket.send("5")
        async with client.websocket() as second:
            assert await closed(second) == 4400
        assert await closed(probing) == 4400
        await socket.send("4hello")
        assert await soon(socket.recv()) == "4hello"
