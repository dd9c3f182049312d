"""Which origins may read the answers."""

from collections.abc import Callable

import pytest

from tests.realtime.transports.engineio.wires import Engine, Request

pytestmark = pytest.mark.asyncio

HANDSHAKE = "EIO=4&transport=polling"


@pytest.fixture
def engine(engine: Engine, configure: Callable[..., None]) -> Engine:
    configure(allowed_origins=["https://shop.example"])
    return engine


def rights(request: Request) -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("query", [HANDSHAKE, "EIO=3&transport=polling", HANDSHAKE + "&sid=unknown"])
async def test_an_allowed_origin_may_read_answers_and_refusals(engine: Engine, query: str) -> None:
    answer = await engine.request("GET", query, origin="https://shop.example").answered()
    assert rights(answer) == {
        "access-control-allow-origin": "https://shop.example",
        "access-control-allow-credentials": "true",
    }
    assert answer.headers["vary"] == "Origin"


async def test_a_body_that_is_too_big_is_refused_readably(engine: Engine, configure: Callable[..., None]) -> None:
    configure(max_payload=10)
    client = await engine.polling()
    answer = await client.post("4" * 11, origin="https://shop.example").answered()
    assert answer.status == 413
    assert rights(answer)["access-control-allow-origin"] == "https://shop.example"


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("origin", ["https://evil.example", "http://shop.example", "null", "*"])
async def test_another_origin_is_refused_and_may_read_nothing(engine: Engine, method: str, origin: str) -> None:
    answer = await engine.request(method, HANDSHAKE, origin=origin).answered()
    assert (answer.status, answer.json) == (403, {"code": 4, "message": "Forbidden"})
    assert rights(answer) == {}
    assert answer.headers["vary"] == "Origin"
    assert engine.layers == []


async def test_no_origin_and_the_same_origin_are_let_in(engine: Engine) -> None:
    nobody = await engine.request("GET", HANDSHAKE).answered()
    assert (nobody.status, rights(nobody), nobody.headers["vary"]) == (200, {}, "Origin")
    same = await engine.request("GET", HANDSHAKE, origin="http://testserver").answered()
    assert same.status == 200


async def test_a_preflight_opens_no_session(engine: Engine) -> None:
    answer = await engine.request(
        "OPTIONS",
        HANDSHAKE,
        origin="https://shop.example",
        access_control_request_method="POST",
        access_control_request_headers="authorization,content-type",
    ).answered()
    assert (answer.status, answer.text) == (200, "")
    assert rights(answer) == {
        "access-control-allow-origin": "https://shop.example",
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET, POST",
        "access-control-allow-headers": "authorization,content-type",
        "access-control-max-age": "600",
    }
    assert engine.layers == []


async def test_a_websocket_of_another_origin_is_closed_with_4403(engine: Engine) -> None:
    socket = engine.websocket("EIO=4&transport=websocket", origin="https://evil.example")
    assert await socket.closed() == 4403
    assert engine.layers == []


async def test_a_websocket_of_an_allowed_origin_is_let_in(engine: Engine) -> None:
    socket = engine.websocket("EIO=4&transport=websocket", origin="https://shop.example")
    await socket.got(1)
