"""What stands before every consumer: tricks with headers, origins and addresses."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from pytest_django import Settings

from accounts.models import User
from accounts.tokens import access_token
from realtime.addresses import client_address, is_allowed_origin
from realtime.auth import Identity
from realtime.errors import ClientError
from realtime.middleware import JWTAuthMiddleware, OriginMiddleware, address_of, header
from realtime.process import Process
from tests.realtime.sockets import Socket

PROXY = "10.0.0.1"


@pytest.fixture(autouse=True)
def proxied(settings: Settings) -> None:
    settings.REALTIME = {
        **settings.REALTIME,
        "TRUSTED_PROXIES": ["10.0.0.0/8", "fd00::/8"],
        "ALLOWED_ORIGINS": ["https://app.example"],
    }


def scope(peer: str | None, *headers: tuple[bytes, bytes], scheme: str = "ws") -> dict[str, Any]:
    return {"client": (peer, 1) if peer is not None else None, "headers": list(headers), "scheme": scheme}


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", b"203.0.113.9", "192.0.2.1"),  # a client that is no proxy claims anything
        (PROXY, b"203.0.113.9", "203.0.113.9"),
        (PROXY, b"6.6.6.6, 203.0.113.9, 10.1.1.1", "203.0.113.9"),
        (PROXY, b"203.0.113.9,10.1.1.1 , 10.2.2.2", "203.0.113.9"),
        (PROXY, b"10.1.1.1", "10.1.1.1"),
        (PROXY, b"", PROXY),
        (PROXY, b" , ,", PROXY),
        (PROXY, b"203.0.113.9, unknown", PROXY),
        (PROXY, b"'; DROP TABLE users; --", PROXY),
        (PROXY, b"\xff", PROXY),
        (PROXY, b"2001:DB8:0::1", "2001:db8::1"),
        (PROXY, b"[2001:db8::1]", "2001:db8::1"),
        ("fd00::1", b"203.0.113.9", "203.0.113.9"),
        (None, b"203.0.113.9", ""),
    ],
)
def test_a_client_has_the_address_that_the_nearest_stranger_has(
    peer: str | None, forwarded: bytes | None, address: str
) -> None:
    headers = [] if forwarded is None else [(b"x-forwarded-for", forwarded)]
    assert address_of(scope(peer, *headers)) == address


def test_of_a_header_that_comes_twice_the_last_counts() -> None:
    given = scope(PROXY, (b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"203.0.113.9"))
    assert header(given, b"x-forwarded-for") == "203.0.113.9"
    assert header(given, b"other") is None


async def knock(given: dict[str, Any]) -> int | None:
    """The close code; None if the consumer behind was reached."""
    sent: list[dict[str, Any]] = []

    async def app(*_: object) -> None:
        return

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await OriginMiddleware(app)(given, receive, send)
    return sent[-1]["code"] if sent else None


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("origin", "host", "code"),
    [
        (None, b"here.example", None),
        (b"https://app.example", b"here.example", None),
        (b"https://app.example:443", b"here.example", None),
        (b"HTTPS://APP.example", b"here.example", None),
        (b"http://here.example", b"here.example", None),
        (b"http://here.example:80", b"here.example", None),
        (b"http://here.example:8000", b"here.example:8000", None),
        (b"http://[::1]:8000", b"[::1]:8000", None),
        (b"http://app.example", b"here.example", 4403),
        (b"https://app.example.evil.example", b"here.example", 4403),
        (b"https://app.example@evil.example", b"here.example", 4403),
        (b"https://evil.example#https://app.example", b"here.example", 4403),
        (b"https://evil.example/app.example", b"here.example", 4403),
        (b"https://app.example:8443", b"here.example", 4403),
        (b"http://here.example:8001", b"here.example:8000", 4403),
        (b"https://here.example", b"here.example", 4403),
        (b"null", b"here.example", 4403),
        (b"", b"here.example", 4403),
        (b"http://", b"here.example", 4403),
        (b"http://here.example:99999", b"here.example", 4403),
        (b"http://[", b"here.example", 4403),
        (b"\xff\xfe", b"here.example", 4403),
    ],
)
async def test_only_browsers_of_known_origins_come_in(origin: bytes | None, host: bytes, code: int | None) -> None:
    headers = [(b"host", host), *([(b"origin", origin)] if origin is not None else [])]
    assert await knock(scope("192.0.2.1", *headers)) == code


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("peer", "proto", "code"),
    [(PROXY, b"https", None), (PROXY, b"http, https", None), (PROXY, b"http", 4403), ("192.0.2.1", b"https", 4403)],
)
async def test_only_a_trusted_proxy_says_that_tls_ended_there(peer: str, proto: bytes, code: int | None) -> None:
    headers = [(b"host", b"here.example"), (b"origin", b"https://here.example"), (b"x-forwarded-proto", proto)]
    assert await knock(scope(peer, *headers)) == code


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_any_consumer_finds_the_user_the_error_or_nobody(alice: User) -> None:
    seen: list[dict[str, Any]] = []

    async def app(scope: dict[str, Any], receive: object, send: object) -> None:
        seen.append(scope)

    for token in (access_token(alice), "nonsense", None):
        headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
        given: dict[str, Any] = {"headers": headers, "subprotocols": []}
        await JWTAuthMiddleware(app)(given, None, None)  # type: ignore[arg-type]
        assert given["headers"] == []
        assert "user" not in given
    known, bad, nobody = seen
    assert isinstance(known["user"], Identity)
    assert known["user"].id == str(alice.pk)
    assert isinstance(bad["user"], AnonymousUser)
    assert isinstance(bad["credentials"], ClientError)
    assert isinstance(nobody["user"], AnonymousUser)
    assert nobody["credentials"] is None


@pytest.mark.asyncio
async def test_trouble_with_the_authenticator_is_the_servers_and_tells_nothing(
    process: Process, settings: Settings, alice: User
) -> None:
    settings.REALTIME = {**settings.REALTIME, "AUTHENTICATOR": f"{__name__}.fail"}
    socket = Socket(alice).open()
    assert await socket.ended() == 1001
    assert [frame["data"]["code"] for frame in socket.frames] == ["INTERNAL"]
    assert "secret" not in str(socket.messages)


def fail(token: str) -> None:
    raise RuntimeError("secret detail")


@pytest.mark.asyncio
async def test_the_token_is_kept_nowhere(process: Process, alice: User) -> None:
    token = access_token(alice)
    socket = Socket(headers=[(b"authorization", b"Bearer " + token.encode())])
    await socket.greeted()
    (session,) = process.hub.sessions
    assert token not in repr(socket.scope)
    assert token not in repr(session.credentials)


# -- defects ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["", "[", "a:99999", "a:b"])
def test_a_host_that_is_none_is_no_origin_of_ours(host: str) -> None:
    assert not is_allowed_origin("https://evil.example", host=host, secure=False, allowed=[])


@pytest.mark.parametrize("entry", ["*", "app.example", ""])
def test_a_setting_that_is_no_origin_lets_nobody_in_and_keeps_nobody_out(entry: str) -> None:
    allowed = [entry, "https://app.example"]
    assert is_allowed_origin("https://app.example", host="here.example", secure=False, allowed=allowed)
    assert not is_allowed_origin("https://evil.example", host="here.example", secure=False, allowed=allowed)


def test_a_proxy_is_trusted_in_its_ipv6_spelling_too() -> None:
    assert client_address("::ffff:10.0.0.1", "203.0.113.9") == "203.0.113.9"


def test_hops_on_several_lines_are_one_list() -> None:
    given = scope(PROXY, (b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-for", b"10.1.1.1"))
    assert address_of(given) == "203.0.113.9"
