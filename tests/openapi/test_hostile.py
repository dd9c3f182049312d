"""Values that break what trusts them, in the place of every value of a request that is accepted."""

import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Any, Final

import pytest
from django.test import Client
from schemathesis.schemas import BaseSchema

from tests.conftest import PASSWORD
from tests.keys import material
from tests.openapi.asking import World, check, operations, rolled_back

# Nobody reads these downloads to their end, as a server would.
unread = pytest.mark.filterwarnings("ignore:Exception ignored in. <_io.FileIO:pytest.PytestUnraisableExceptionWarning")
pytestmark = [unread, pytest.mark.slow]
JSON: Final = "application/json"
SHARE: Final = 12  # the twelfth part of all values tries each place, so that the tests stay short
DEEP: Final = "[" * 5000 + "]" * 5000
HUGE: Final = "9" * 5000
TEXTS: Final = (
    *("", " ", "\\u0000", "a\\u0000b", "\\ud800", "\\udc00\\ud800", "\\uffff", "\\u202e", "%s", "'", "x" * 70_000),
    *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-02-30T00:00:00Z", "0", "Infinity"),
    *("00000000-0000-0000-0000-000000000000", "http://[::1", "http://a:99999999999/", "javascript:1", "👍" * 30),
)
VALUES: Final = (
    *(f'"{text}"' for text in TEXTS),
    *("null", "true", "-1", "0.5", "1e308", "1e400", "NaN", "2147483648", "9223372036854775808", HUGE),
    *("[]", "{}", "[null]", "[[]]", '["\\u0000"]', "[1e308]", f"[{HUGE}]", '{"":{}}', '{"\\u0000":"\\u0000"}', DEEP),
)
BODIES: Final = (b"", b"\0", b"\xff\xfe", b"null", b"[]", b'"x"', b"{", b"[" * 100_000, b'{"a":' * 50_000)
TYPES: Final = (
    *("", "text/plain", "text/html", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data"),
    *("multipart/form-data; boundary=", "application/json; charset=utf-16", "application/json; charset=\xff", "a;b;c"),
)
CURSORS: Final = ("p=\0", "p=x", "p=" + HUGE, "o=" + HUGE, "o=-1", "r=1&p=9999-12-31 23:59:59-23:59", "r=\0", "p=%00")
QUERIES: Final = (
    *("", "%00", "a%00b", "%ED%A0%80", "%FF", "%F4%90%80%80", "%25", "%5C", "'", "*", "(", "%3A*%7C!", "%26%26", "-1"),
    *("0", "1.5", "1e9", "2147483648", "9223372036854775808", HUGE, "null", "true", "x" * 5000, "%E2%80%AE"),
    *("00000000-0000-0000-0000-000000000000", "0001-01-01T00%3A00%3A00%2B23%3A59", "9999-12-31T23%3A59%3A59-23%3A59"),
    *("2026-02-30T00%3A00%3A00Z", "NaN", "Infinity", *(b64encode(text.encode()).decode() for text in CURSORS)),
)
HEADERS: Final = (
    *({"AUTHORIZATION": f"Bearer{token}"} for token in ("", " ", " a.b.c", " \xff.\0.\xff", " " + "x" * 20_000)),
    *({"RANGE": f"bytes={span}"} for span in ("-", "-0", "0-", "9-1", HUGE + "-", "-" + HUGE, "0-0,1-1", "\xff-")),
    *({"IF_NONE_MATCH": tag} for tag in ("*", '"', "\xff", "W/")),
    *({"ACCEPT": media} for media in ("", "/", "text/html", "*/*;q=x", "\xff")),
    *({"X_FORWARDED_FOR": address} for address in ("", "\xff", "::1%", "1.2.3.4, x")),
    *({"COOKIE": f"sessionid={key}"} for key in ("\xff", "\0", "x" * 5000)),
    *({"ORIGIN": origin} for origin in ("null", "http://[", "\xff")),
    *({"CONTENT_LENGTH": length} for length in ("-1", "x", HUGE)),
)


def accepted(world: World) -> dict[str, Any]:
    """A body that each operation takes."""
    keys = material.one_time(7)[0]
    key = {"keyId": keys["key_id"], "publicKey": keys["public_key"]}
    link = {"url": "https://example.com/a.png", "type": "image", "name": "a", "size": 1, "width": 1, "height": 1}
    words = {"text": "Hi", "tempId": "t1", "replyToId": world["messageId"], "mentions": [world["userId"]]}
    return {
        "POST /api/auth/logout": {"refresh": world["refresh"]},
        "POST /api/auth/password": {"oldPassword": PASSWORD, "newPassword": "another-Secret-43"},
        "POST /api/auth/register": {
            **{"username": "dora", "password": PASSWORD, "email": "dora@example.com", "displayName": "Dora"}
        },
        "POST /api/auth/token": {"username": "bob", "password": PASSWORD},
        "POST /api/auth/token/refresh": {"refresh": world["refresh"]},
        "POST /api/blocks/": {"userId": world["userId"]},
        "POST /api/conversations/": {"kind": "group", "title": "New", "members": [world["userId"]]},
        "PATCH /api/conversations/{conversationId}/": {"title": "Other"},
        "PATCH /api/conversations/{conversationId}/me/": {"pinned": True, "mutedUntil": "2099-01-01T00:00:00Z"},
        "POST /api/conversations/{conversationId}/members/": {"userId": world["userId"]},
        "PATCH /api/conversations/{conversationId}/members/{userId}/": {"role": "admin"},
        "POST /api/conversations/{conversationId}/messages/": {
            **words,
            "attachments": [{"id": world["id"]}, {**link, "thumbnailUrl": "https://example.com/b.png"}],
        },
        "PUT /api/keys/{deviceId}/": material.body(),
        "POST /api/keys/{deviceId}/one-time-keys/": {"oneTimeKeys": [key]},
        "POST /api/keys/users/{userId}/claim/": {"deviceIds": ["phone"]},
        "PATCH /api/me/": {
            **{"email": "a@example.com", "displayName": "A", "avatar": "https://example.com/a.png"},
            "mailMessages": True,
        },
        "PUT /api/me/presence/": {"status": "busy", "text": "Lunch", "expiresAt": "2099-01-01T00:00:00Z"},
        "PATCH /api/me/privacy/": {"presence": "nobody", "lastSeen": "nobody"},
        "PATCH /api/messages/{messageId}/": {"text": "Better"},
        "POST /api/messages/{messageId}/reactions/": {"emoji": "🎉"},
        "POST /api/system/announcements/": {"title": "T", "message": "M", "level": "info"},
    }


class Asker:
    """Asks as who has the token, and remembers what broke."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.broken: list[str] = []

    def ask(self, label: str, body: str | bytes = b"", media: str = JSON, query: str = "", **headers: str) -> int:
        """The status of the answer."""
        method, path = label.split(" ")
        with rolled_back():
            client = Client(raise_request_exception=False)
            known = {"AUTHORIZATION": f"Bearer {self.world['']}", **headers}
            extra: Any = {f"HTTP_{name}": value for name, value in known.items()} | {"QUERY_STRING": query}
            if "HTTP_CONTENT_LENGTH" in extra:
                extra["CONTENT_LENGTH"] = extra["HTTP_CONTENT_LENGTH"]
            response = client.generic(method, path.format_map(self.world), body, media, **extra)
            content = response.getvalue()
        try:
            check(response.status_code, content)
        except (AssertionError, ValueError) as error:
            self.broken.append(f"{label}?{query[:80]} {media} {body[:200]!r} {headers}: {error!r:.300}")
        return response.status_code


@pytest.fixture
def asker(world: World) -> Asker:
    return Asker(world)


def mutations(body: Any) -> Iterator[str]:
    """The body as JSON, with each of its values in turn replaced by hostile ones, every time others."""
    for number, path in enumerate(_paths(body)):
        changed = json.dumps(_replaced(body, path))
        for value in VALUES[number % SHARE :: SHARE]:
            yield changed.replace('"@"', value)


def shares(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """A share of them for each that asks, over and over."""
    return cycle([values[start::SHARE] for start in range(SHARE)])


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from _paths(part, (*path, key))


def _replaced(value: Any, path: tuple[Any, ...]) -> Any:
    if not path:
        return "@"
    if isinstance(value, dict):
        return {**value, path[0]: _replaced(value[path[0]], path[1:])}
    return [_replaced(part, path[1:]) if index == path[0] else part for index, part in enumerate(value)]


def test_no_value_of_a_body_breaks_anything(openapi: BaseSchema, asker: Asker) -> None:
    bodies = accepted(asker.world)
    described = {o.label for o in operations(openapi) if any(b.media_type == JSON for b in o.body)}
    assert described == set(bodies)
    for label, body in bodies.items():
        status = asker.ask(label, json.dumps(body))
        if status >= 300:
            asker.broken.append(f"{label}: {status} refuses what it should take")
        for changed in mutations(body):
            asker.ask(label, changed)
    assert not asker.broken


def test_no_body_as_a_whole_breaks_anything(openapi: BaseSchema, asker: Asker) -> None:
    for operation in operations(openapi):
        if operation.method.upper() in {"POST", "PUT", "PATCH"}:
            for body in BODIES:
                asker.ask(operation.label, body)
            for media in TYPES:
                asker.ask(operation.label, b"{}", media)
    assert not asker.broken


def test_no_query_breaks_anything(openapi: BaseSchema, asker: Asker) -> None:
    turns = shares(QUERIES)
    for operation in operations(openapi):
        for parameter in operation.query:
            for value in next(turns):
                asker.ask(operation.label, query=f"{parameter.name}={value}")
    assert not asker.broken


def test_no_path_breaks_anything(openapi: BaseSchema, asker: Asker) -> None:
    world, turns = asker.world, shares(QUERIES)
    for operation in operations(openapi):
        for parameter in operation.path_parameters:
            for value in next(turns):
                asker.world = {**world, parameter.name: value}
                asker.ask(operation.label, "{}")
    assert not asker.broken


def test_no_header_breaks_anything(openapi: BaseSchema, asker: Asker) -> None:
    turns = shares(HEADERS)
    for operation in operations(openapi):
        for headers in next(turns):
            asker.ask(operation.label, **headers)
    assert not asker.broken
