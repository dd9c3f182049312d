"""Requests that two readers would understand in two ways: they are refused, or mean one thing."""

import json
from collections.abc import Callable

import pytest

from accounts.models import User
from accounts.tokens import access_token
from realtime.testing import Client
from tests.integration.servers import ServerProcess
from tests.reliability.conftest import Site
from tests.reliability.raw import FIN, RSV1, TEXT, UPGRADE, Raw

Join = Callable[..., Client]
SERVERS = [{}, {"REALTIME_CONNECTIONS_PER_ADDRESS": "3/minute"}]
POLLING = "/socket.io/?EIO=4&transport=polling"
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: smuggled\r\n\r\n"
CHUNK = b"1\r\n3\r\n0\r\n\r\n"


@pytest.fixture
def server(site: Site) -> ServerProcess:
    return site.servers[0]


def bearer(token: str) -> str:
    return f"Authorization: Bearer {token}"


def greeted(raw: Raw) -> dict[str, str]:
    """The payload of the greeting."""
    assert raw.head()[0] == 101
    found: dict[str, str] = json.loads(raw.until(b'"connected"'))["data"]
    return found


# -- headers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/ws/", "/socket.io/?EIO=4&transport=websocket"])
@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_a_second_host_makes_no_foreign_origin_ours(server: ServerProcess, alice: User, path: str, first: str) -> None:
    ours, theirs = f"Host: 127.0.0.1:{server.port}", "Host: evil.example"
    hosts = (ours, theirs) if first == "ours" else (theirs, ours)
    with Raw(server) as raw:
        raw.upgrade(path, *hosts, "Origin: http://evil.example", bearer(access_token(alice)), host=False)
        assert raw.head()[0] == 101
        assert raw.closed() == 4403


def test_a_second_host_lets_no_foreign_origin_poll(server: ServerProcess) -> None:
    with Raw(server) as raw:
        raw.request(f"GET {POLLING}", "Host: evil.example", "Origin: http://evil.example")
        status, headers = raw.head()
        assert status == 403
        assert not [line for line in headers if line.startswith("access-control-allow-origin")]


def test_two_origins_are_refused(server: ServerProcess, alice: User) -> None:
    ours = f"Origin: http://127.0.0.1:{server.port}"
    for origins in [(ours, "Origin: http://evil.example"), ("Origin: http://evil.example", ours)]:
        with Raw(server) as raw:
            raw.upgrade("/ws/", *origins, bearer(access_token(alice)))
            assert raw.head()[0] == 400


def test_of_two_tokens_the_last_counts_and_no_other(server: ServerProcess, alice: User, bob: User) -> None:
    for first, last in [(alice, bob), (bob, alice)]:
        with Raw(server) as raw:
            raw.upgrade("/ws/", bearer(access_token(first)), bearer(access_token(last)))
            assert greeted(raw)["userId"] == str(last.pk)


@pytest.mark.parametrize("join", [", ", ",", " "])
def test_two_tokens_in_one_header_are_none(server: ServerProcess, alice: User, bob: User, join: str) -> None:
    for tail in (access_token(bob), bearer(access_token(bob)), "x"):
        with Raw(server) as raw:
            raw.upgrade("/ws/", bearer(access_token(alice)) + join + tail)
            assert raw.head()[0] == 101
            assert raw.closed() == 4401


def test_a_bad_token_behind_a_good_one_is_not_made_up_for(server: ServerProcess, alice: User) -> None:
    with Raw(server) as raw:
        raw.upgrade("/ws/", bearer(access_token(alice)), bearer("nonsense"))
        assert raw.head()[0] == 101
        assert raw.closed() == 4401


def test_a_stranger_does_not_say_where_it_comes_from(site: Site, alice: User) -> None:
    """Nobody is a trusted proxy here, so all of these are one client, which is over its rate at the fourth."""
    limited, token = site.servers[1], access_token(alice)
    for number in range(3):
        with Raw(limited) as raw:
            raw.upgrade("/ws/", f"X-Forwarded-For: 203.0.113.{number}", bearer(token))
            assert greeted(raw)["userId"] == str(alice.pk)
    for line in ("X-Forwarded-For: 203.0.113.9", "X-Real-IP: 203.0.113.9", "Forwarded: for=203.0.113.9"):
        with Raw(limited) as raw:
            raw.upgrade("/ws/", line, bearer(token))
            assert raw.head()[0] == 101
            assert raw.closed() == 4429


@pytest.mark.parametrize(
    "line",
    [
        "X-A: a\rX-B: b",
        "X-A: a\nX-B: b",
        "X-A: a\x00b",
        "X-A: a\r\n folded",
        "X-A : a",
        ": a",
        "no colon",
        "Sec-WebSocket-Protocol: realtime.v1\rSet-Cookie: a=b",
    ],
    ids=repr,
)
def test_a_header_that_is_none_ends_the_connection(server: ServerProcess, alice: User, line: str) -> None:
    with Raw(server) as raw:
        raw.upgrade("/ws/", bearer(access_token(alice)), line)
        status, headers = raw.head()
        assert status == 400
        assert not [name for name in headers if name.startswith(("x-b", "set-cookie"))]
        raw.body(headers)
        assert raw.ended()


def test_no_line_of_an_answer_or_of_the_log_is_of_a_clients_making(server: ServerProcess, alice: User) -> None:
    forged = "%0d%0aSet-Cookie:%20a=b%0d%0aforged%20line"
    for path in (f"/ws/{forged}", f"/api/{forged}", f"/nowhere/?{forged}", f"{POLLING}&sid={forged}"):
        with Raw(server) as raw:
            raw.request(f"GET {path}")
            status, headers = raw.head()
            assert status in {400, 404}
            assert not [line for line in headers if "a=b" in line]
    with Raw(server) as raw:
        raw.upgrade("/ws/", "Sec-WebSocket-Protocol: realtime.v1, bearer.x%0d%0aforged", bearer(access_token(alice)))
        greeted(raw)
    lines = server.log.read_text().splitlines()
    assert lines
    assert not [line for line in lines if not isinstance(json.loads(line), dict)]


# -- bodies ------------------------------------------------------------------------------------------


def polling(server: ServerProcess) -> str:
    """Where a session that polls is."""
    with Raw(server) as raw:
        raw.request(f"GET {POLLING}")
        _, headers = raw.head()
        return f"{POLLING}&sid={json.loads(raw.body(headers)[1:])['sid']}"


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (("Content-Length: 4", "Transfer-Encoding: chunked"), CHUNK),
        (("Transfer-Encoding: chunked", "Content-Length: 4"), CHUNK),
        (("Content-Length: 1", "Content-Length: 40"), b"3"),
        (("Content-Length: 1, 40",), b"3"),
        (("Content-Length: +1",), b"3"),
        (("Content-Length: -1",), b"3"),
        (("Content-Length: 0x1",), b"3"),
        (("Content-Length: 99999999999999999999999",), b"3"),
        (("Transfer-Encoding: xchunked",), CHUNK),
        (("Transfer-Encoding: chunked, identity",), CHUNK),
        (("Transfer-Encoding: chunked", "Transfer-Encoding: identity"), CHUNK),
        (("Transfer-Encoding : chunked",), CHUNK),
        (("Transfer-Encoding:\r\n chunked",), CHUNK),
        (("Transfer-Encoding: chunked",), b"fffffffffffffffff\r\n3\r\n0\r\n\r\n"),
        (("Transfer-Encoding: chunked",), b"-1\r\n3\r\n0\r\n\r\n"),
        (("Transfer-Encoding: chunked",), b"1\n3\n0\n\n"),
        (("Transfer-Encoding: chunked",), b"1\r\n33\r\n0\r\n\r\n"),
    ],
    ids=repr,
)
def test_a_post_of_doubtful_length_is_refused_with_all_behind_it(
    server: ServerProcess, lines: tuple[str, ...], body: bytes
) -> None:
    with Raw(server) as raw:
        raw.request(f"POST {polling(server)}", *lines, body=body + SMUGGLED)
        status, headers = raw.head()
        assert status == 400
        assert raw.body(headers) == b"Invalid HTTP request received."
        assert raw.ended()


def test_a_post_of_plain_length_is_served_and_so_is_what_follows(server: ServerProcess) -> None:
    """The counterpart: the smuggled request would have been answered."""
    with Raw(server) as raw:
        raw.request(f"POST {polling(server)}", "Content-Length: 1", body=b"3" + SMUGGLED)
        status, headers = raw.head()
        assert (status, raw.body(headers)) == (200, b"ok")
        assert raw.head()[0] in {200, 400}  # by ALLOWED_HOSTS


# -- compression -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/ws/", "/socket.io/?EIO=4&transport=websocket"])
def test_no_frame_is_ever_inflated(server: ServerProcess, join: Join, alice: User, bob: User, path: str) -> None:
    other = join(server, bob)
    with Raw(server) as raw:
        offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits; server_no_context_takeover"
        raw.upgrade(path, offer, bearer(access_token(alice)))
        status, headers = raw.head()
        assert status == 101
        assert not [line for line in headers if line.startswith("sec-websocket-extensions")]
        raw.say(b"\xec\xc1\x01\x0d\x00\x00", first=FIN | RSV1 | TEXT)  # the beginning of a deflate stream
        assert raw.closed() == 1002
    assert other.call("ping")["timestamp"]


def test_a_deflated_handshake_body_is_not_inflated_either(server: ServerProcess) -> None:
    where = polling(server)
    with Raw(server) as raw:
        gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x33\x01\x00\x26\x6b\x0e\x77\x01\x00\x00\x00"
        raw.request(f"POST {where}", "Content-Encoding: gzip", f"Content-Length: {len(gzip)}", body=gzip)
        assert raw.head()[0] == 400


def test_a_handshake_of_another_kind_opens_nothing(server: ServerProcess, alice: User) -> None:
    """Two keys, a version of long ago, no key."""
    key = next(line for line in UPGRADE if "Key" in line)
    for lines in ((*UPGRADE, key), tuple(line.replace(" 13", " 7") for line in UPGRADE), UPGRADE[:2]):
        with Raw(server) as raw:
            raw.request("GET /ws/", *lines, bearer(access_token(alice)))
            assert raw.head()[0] in {400, 426}
