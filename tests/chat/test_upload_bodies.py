"""Large bodies are for uploads by people who are known, which the head of a request tells."""

import json
import socket
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts import tokens
from accounts.models import User
from realtime.bodies import DRAINED
from realtime.testing import Server
from tests.chat.files import media, stored, uploaded

__all__ = ["media"]
pytestmark = pytest.mark.django_db(transaction=True)
SMALL, LARGE = 2_000, 50_000
READ = DRAINED * SMALL  # of what is too large, and thrown away
BOUNDARY = "between"
URL = "/api/attachments/"


@pytest.fixture(autouse=True)
def limits(settings: Settings, media: Path) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = SMALL
    settings.BODY_LIMITS = dict.fromkeys(settings.BODY_LIMITS, LARGE)


def form(size: int) -> bytes:
    """A form with a file of so many bytes."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    return head.encode() + b"x" * size + f"\r\n--{BOUNDARY}--\r\n".encode()


def ask(server: Server, line: str, body: bytes, *headers: str, sent: int | None = None) -> tuple[int, dict[str, Any]]:
    """The status and the JSON of the answer to a request over a socket, of whose body only so much has come."""
    host, port = server.address.split(":")
    head = [
        *(f"{line} HTTP/1.1", "Host: localhost", "Connection: close", f"Content-Length: {len(body)}"),
        *(f"Content-Type: multipart/form-data; boundary={BOUNDARY}", *headers),
    ]
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body[:sent])
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    top, _, content = answer.partition(b"\r\n\r\n")
    return int(top.split()[1]), json.loads(content[content.find(b"{") : content.rfind(b"}") + 1] or b"{}")


def bearer(token: object) -> str:
    return f"Authorization: Bearer {token}"


def expired(user: User) -> str:
    token = tokens.AccessToken.for_user(user)
    token.set_exp(from_time=timezone.now() - timedelta(days=2), lifetime=timedelta(days=1))
    return str(token)


def forged(user: User) -> str:
    head, claims, _ = tokens.access_token(user).split(".")
    return f"{head}.{claims}.{'A' * 43}"


def test_who_is_known_uploads_much_and_nobody_more_than_that(realtime_server: Server, media: Path, alice: User) -> None:
    token = bearer(tokens.access_token(alice))
    assert ask(realtime_server, f"POST {URL}", form(LARGE // 2), token)[0] == 201
    status, answer = ask(realtime_server, f"POST {URL}", form(LARGE), token)
    assert (status, answer["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert [file.stat().st_size for file in stored(media)] == [LARGE // 2]


@pytest.mark.parametrize(
    "credential",
    [
        lambda user: "X-Nothing: at all",
        lambda user: bearer("nonsense"),
        lambda user: bearer("a.b.c"),
        lambda user: bearer(urlsafe_b64encode(b"[" * 9_000).decode() + ".e30.e30"),
        lambda user: bearer("\xff"),
        lambda user: bearer(forged(user)),
        lambda user: bearer(expired(user)),
        lambda user: bearer(tokens.issue(user)["refresh"]),
        lambda user: f"Authorization: Basic {tokens.access_token(user)}",
    ],
    ids=["none", "nonsense", "three parts", "deep", "no ASCII", "forged", "expired", "refresh", "another scheme"],
)
def test_who_is_not_known_is_told_so_before_a_large_body_has_come(
    realtime_server: Server, alice: User, credential: Callable[[User], str]
) -> None:
    line, header = f"POST {URL}", credential(alice)
    told = ask(realtime_server, line, form(10), header)
    assert told[0] == 401
    assert ask(realtime_server, line, form(LARGE // 2), header, sent=READ) == told


def test_no_other_request_may_be_large(realtime_server: Server, alice: User) -> None:
    token, own = bearer(tokens.access_token(alice)), uploaded(alice).pk
    for line in (
        *(f"PUT {URL}", f"DELETE {URL}{own}/", f"POST {URL}{own}/link/", f"POST {URL}nowhere/", f"POST {URL[:-1]}"),
        *("POST /api/messages/", f"GET {URL}{own}/"),
    ):
        assert ask(realtime_server, line, form(LARGE // 2), token, sent=READ)[0] == 413, line
    assert ask(realtime_server, f"DELETE {URL}{own}/", b"", token)[0] == 204
