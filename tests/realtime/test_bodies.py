"""How much of a request is taken in."""

import json
import socket
from http.client import HTTPConnection
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from accounts.tokens import access_token
from realtime.bodies import DRAINED, BodyLimit
from realtime.testing import Server

LIMIT = 1000
Message = dict[str, Any]


class Client:
    """A server's side of one request: hands the parts of a body on, and counts those that were asked for."""

    def __init__(self, *parts: bytes, leaves: bool = True) -> None:
        self.parts, self.read, self.leaves = list(parts), 0, leaves

    async def receive(self) -> Message:
        if not self.parts:
            assert self.leaves, "a client that waits for its answer was asked for more"
            return {"type": "http.disconnect"}
        self.read += 1
        part = self.parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(self.parts)}


class Application:
    """Reads a whole body, as Django does, and then waits for the client to leave."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope, self.body = scope, b""
        while True:
            message = await receive()
            self.body += message["body"]
            if not message["more_body"]:
                break
        self.end = await receive()


async def _send(_: Any) -> None: ...


async def passed(
    client: Client, path: str = "/api/x/", length: bytes | None = None, method: str = "POST", token: str = ""
) -> Application:
    """What the application gets of it."""
    headers = [] if length is None else [(b"content-length", length)]
    headers += [(b"authorization", f"Bearer {token}".encode())] if token else []
    app = Application()
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    await BodyLimit(app)(scope, client.receive, _send)
    assert "realtime.body_refused" not in scope  # the server's own is left alone
    return app


@pytest.fixture(autouse=True)
def limits(settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = LIMIT
    settings.BODY_LIMITS = {"POST /api/attachments/": 10 * LIMIT}


@pytest.mark.asyncio
async def test_a_body_up_to_the_limit_goes_on_as_it_is() -> None:
    app = await passed(Client(b"x" * 400, b"", b"y" * 600), length=b"1000")
    assert app.body == b"x" * 400 + b"y" * 600
    assert "realtime.body_refused" not in app.scope
    assert app.end["type"] == "http.disconnect"


@pytest.mark.asyncio
async def test_a_body_over_the_limit_is_cut_where_it_passes_it() -> None:
    client = Client(b"x" * 600, b"x" * 600, b"x" * 600)
    app = await passed(client)
    assert app.body == b"x" * 600
    assert app.scope["realtime.body_refused"]
    assert client.read == 3  # the rest was thrown away, so that the client reads the answer


@pytest.mark.asyncio
@pytest.mark.parametrize("parts", [[b"x" * 1001], [b"x" * 600, b"x" * 600], [b"x" * 600, b"x" * 600, b""]])
async def test_a_body_whose_last_part_passes_the_limit_is_answered_at_once(parts: list[bytes]) -> None:
    client = Client(*parts, leaves=False)

    class Reader(Application):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            while (await receive())["more_body"]:
                pass
            assert client.read == len(parts)

    await BodyLimit(Reader())({"type": "http", "method": "POST", "path": "/", "headers": []}, client.receive, _send)


@pytest.mark.asyncio
async def test_of_a_body_that_says_that_it_is_too_large_nothing_is_kept() -> None:
    app = await passed(Client(b"x" * 600, b"x" * 600), length=b"1200")
    assert (app.body, app.scope["realtime.body_refused"].code) == (b"", "PAYLOAD_TOO_LARGE")


@pytest.mark.asyncio
async def test_a_body_without_an_end_is_not_read_for_ever() -> None:
    client = Client(*[b"x" * LIMIT] * 100)
    reads: list[int] = []

    class Impatient(Application):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            while (await receive())["more_body"]:
                pass
            reads.append(client.read)

    await BodyLimit(Impatient())({"type": "http", "method": "POST", "path": "/", "headers": []}, client.receive, _send)
    assert reads == [DRAINED]


@pytest.mark.asyncio
@pytest.mark.parametrize("length", [b"nonsense", b"-5", b"", b"99999999999999999999999"])
async def test_a_strange_length_is_no_way_around(length: bytes) -> None:
    app = await passed(Client(b"x" * 600, b"x" * 600), length=length)
    assert app.scope["realtime.body_refused"]
    assert len(app.body) <= LIMIT


@pytest.mark.asyncio
async def test_the_limit_goes_by_method_and_address_and_token() -> None:
    path, token = "/api/attachments/", access_token(User())
    assert len((await passed(Client(b"x" * 9000), path, token=token)).body) == 9000
    for other in ("/api/attachment/", f"{path}1/", path[:-1]):
        assert (await passed(Client(b"x" * 9000), other, token=token)).body == b""
    assert (await passed(Client(b"x" * 9000), path, token=token, method="PUT")).body == b""
    for bad in ("", "nonsense", token[:-4]):
        assert (await passed(Client(b"x" * 9000), path, token=bad)).body == b""
    assert len((await passed(Client(b"x" * 900), path)).body) == 900  # the view tells what it lacks


def post(server: Server, path: str, body: Any, **headers: str) -> tuple[int, dict[str, Any], dict[str, str]]:
    """The status, the JSON and the headers of the answer."""
    connection = HTTPConnection(server.address, timeout=10)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"} | headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read()), dict(response.headers)
    finally:
        connection.close()


@pytest.mark.parametrize("body", [b"x" * 3000, [b"x" * 100] * 30], ids=["with its length", "in chunks"])
@pytest.mark.parametrize("path", ["/api/auth/token", "/api/nowhere/", "/admin/login/"])
def test_a_client_reads_why_also_in_a_browser(realtime_server: Server, path: str, body: Any) -> None:
    status, answer, headers = post(realtime_server, path, body, Origin="http://localhost:3000")
    assert (status, answer["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert headers["connection"] == "close"
    if path.startswith("/api/"):
        assert headers["access-control-allow-origin"] == "http://localhost:3000"


def test_a_client_that_leaves_in_the_midst_of_its_body_harms_nobody(realtime_server: Server) -> None:
    host, port = realtime_server.address.split(":")
    for _ in range(3):
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"POST /api/auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nhalf of it")
    status, answer, _ = post(realtime_server, "/api/auth/token", b"{}")
    assert (status, answer["code"]) == (400, "INVALID_PAYLOAD")
