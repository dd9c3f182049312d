"""Who is let in, and what the others hear."""

import json
from typing import Any

import pytest

from realtime.errors import STATUS, ClientError, Close
from realtime.transports.engineio.session import EngineSession
from tests.realtime.transports.engineio.wires import Engine, frame

pytestmark = pytest.mark.asyncio

REFUSALS = [
    ("GET", "", 0, "Transport unknown"),
    ("GET", "EIO=4", 0, "Transport unknown"),
    ("GET", "EIO=4&transport=abc", 0, "Transport unknown"),
    ("GET", "EIO=4&transport=abc&transport=polling", 0, "Transport unknown"),
    ("GET", "EIO=4&transport=polling&sid=unknown", 1, "Session ID unknown"),
    ("POST", "EIO=4&transport=polling&sid=unknown", 1, "Session ID unknown"),
    ("POST", "EIO=4&transport=polling", 2, "Bad handshake method"),
    ("PUT", "EIO=4&transport=polling", 2, "Bad handshake method"),
    ("HEAD", "EIO=4&transport=polling", 2, "Bad handshake method"),
    ("GET", "EIO=4&transport=websocket", 3, "Bad request"),
    ("GET", "transport=polling", 5, "Unsupported protocol version"),
    ("GET", "EIO=3&transport=polling", 5, "Unsupported protocol version"),
    ("GET", "EIO=abc&transport=polling", 5, "Unsupported protocol version"),
]


@pytest.mark.parametrize(("method", "query", "code", "message"), REFUSALS)
async def test_a_request_that_makes_no_sense_is_refused_as_the_official_server_does(
    engine: Engine, method: str, query: str, code: int, message: str
) -> None:
    answer = await engine.request(method, query).answered()
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {"code": code, "message": message}
    assert engine.layers == []


@pytest.mark.parametrize(
    "query", ["", "EIO=4", "EIO=3&transport=websocket", "EIO=4&transport=polling", "EIO=4&transport=websocket&sid=x"]
)
async def test_a_websocket_that_makes_no_sense_is_accepted_and_closed_with_4400(engine: Engine, query: str) -> None:
    socket = engine.websocket(query)
    assert await socket.closed() == Close.MALFORMED
    assert socket.sent[0] == {"type": "websocket.accept"}
    assert engine.layers == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD"])
async def test_another_method_is_refused_and_the_session_goes_on(engine: Engine, method: str) -> None:
    client = await engine.polling()
    answer = await engine.request(method, f"EIO=4&transport=polling&sid={client.sid}").answered()
    assert (answer.status, answer.json["code"]) == (400, 3)
    assert client.layer.ends == []


async def test_a_handshake_over_polling_offers_the_upgrade(engine: Engine) -> None:
    answer = await engine.request("GET", "EIO=4&transport=polling&t=abc&sid=").answered()
    assert answer.status == 200
    handshake = json.loads(answer.text[1:])
    assert handshake["upgrades"] == ["websocket"]
    assert set(engine.app.sessions) == {handshake["sid"]}
    assert "set-cookie" not in answer.headers


async def test_a_handshake_over_a_websocket_offers_none(engine: Engine) -> None:
    socket = await engine.websocket("EIO=4&transport=websocket").got(1)
    packet = socket.packets[0]
    assert isinstance(packet, str)
    handshake = json.loads(packet[1:])
    assert handshake["upgrades"] == []
    assert set(engine.app.sessions) == {handshake["sid"]}


async def test_the_layer_above_knows_the_request(engine: Engine) -> None:
    await engine.request("GET", "EIO=4&transport=polling&token=%C3%A4&empty=", user_agent="test").answered()
    session = engine.layers[0].session
    assert session.query == {"EIO": "4", "transport": "polling", "token": "ä", "empty": ""}
    assert (b"user-agent", b"test") in session.scope["headers"]


REFUSED = [
    ("TOO_MANY_CONNECTIONS", Close.LIMIT),
    ("AUTH_FAILED", Close.GOING_AWAY),
    ("INTERNAL", Close.GOING_AWAY),
]


def refuse(engine: Engine, error: Exception) -> None:
    async def greet(session: EngineSession) -> None:
        raise error

    engine.greet = greet


@pytest.mark.parametrize(("code", "close"), REFUSED)
async def test_whom_the_layer_above_refuses_hears_why(engine: Engine, code: str, close: Close) -> None:
    refuse(engine, ClientError(code, "not now"))
    answer = await engine.request("GET", "EIO=4&transport=polling").answered()
    assert (answer.status, answer.json) == (STATUS[code], {"code": code, "message": "not now"})
    socket = engine.websocket("EIO=4&transport=websocket")
    assert await socket.closed() == close
    assert socket.packets == []
    assert engine.app.sessions == {}


async def test_a_layer_that_fails_refuses_and_says_nothing_of_it(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    refuse(engine, ZeroDivisionError("secret"))
    answer = await engine.request("GET", "EIO=4&transport=polling").answered()
    assert answer.status == 500
    assert "secret" not in answer.text
    assert "unexpected error" in caplog.text


async def test_a_layer_that_aborts_at_once_leaves_no_session(engine: Engine) -> None:
    async def greet(session: EngineSession) -> None:
        session.abort("forced close")

    engine.greet = greet
    await engine.request("GET", "EIO=4&transport=polling").answered()
    assert engine.app.sessions == {}
    assert engine.layers[0].ends == ["forced close"]
    socket = engine.websocket("EIO=4&transport=websocket")
    assert await socket.closed() == 1000
    assert engine.layers[1].ends == ["forced close"]


async def test_what_the_layer_writes_at_once_comes_after_the_open_packet(engine: Engine) -> None:
    async def greet(session: EngineSession) -> None:
        session.write(frame("welcome"))

    engine.greet = greet
    client = await engine.polling()
    assert (await client.get().answered()).text == "4welcome"
    socket = await engine.websocket("EIO=4&transport=websocket").got(2)
    assert str(socket.packets[0])[0] == "0"
    assert socket.packets[1] == "4welcome"


async def test_a_handshake_whose_answer_cannot_be_sent_ends_the_session(engine: Engine) -> None:
    async def greet(session: EngineSession) -> None:
        request.error = ConnectionResetError()

    engine.greet = greet
    request: Any = engine.request("GET", "EIO=4&transport=polling")
    with pytest.raises(ConnectionResetError):
        await request.ended()
    assert engine.layers[0].ends == ["transport close"]
    assert engine.app.sessions == {}


async def test_a_client_that_has_gone_before_it_is_refused_disturbs_nobody(engine: Engine) -> None:
    socket = engine.websocket("EIO=3&transport=websocket")
    socket.error, socket.error_after = ConnectionResetError(), 1
    await socket.ended()
    assert [message["type"] for message in socket.sent] == ["websocket.accept"]
