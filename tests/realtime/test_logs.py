"""No token reaches a log line, whatever wrote it."""

import json
import logging
import sys

import pytest

from realtime.logs import RedactingFormatter, redact

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "text",
    [
        TOKEN,
        f"Authorization: Bearer {TOKEN}",
        "Authorization: Bearer opaque-secret",
        "sec-websocket-protocol: realtime.v1, bearer.opaque-secret",
        "GET /ws/?token=opaque-secret&x=1",
        "GET /ws/?resume=1&access_token=opaque-secret",
        '{"refresh": "opaque-secret"}',
        "{'password': 'opaque-secret'}",
        "TOKEN=opaque-secret",
    ],
)
def test_secrets_are_taken_out(text: str) -> None:
    redacted = redact(text)
    assert "opaque-secret" not in redacted
    assert "eyJ" not in redacted


def test_what_is_no_secret_stays() -> None:
    text = "connected user=01a1fb98 room=conversation:1 the token has expired, passwords are fine"
    assert redact(text) == text


def record(message: str, *, fails: bool = False, **extra: object) -> logging.LogRecord:
    try:
        if fails:
            local_secret = TOKEN
            raise ValueError(f"bad token {local_secret}")
        info = None
    except ValueError:
        info = sys.exc_info()
    made = logging.getLogger("tests").makeRecord("tests", logging.INFO, __file__, 1, message, (), info)
    made.__dict__.update(extra)
    return made


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_shows_neither_tokens_nor_local_variables(as_json: bool) -> None:
    line = RedactingFormatter(json=as_json).format(record("it failed", fails=True, user="7"))
    assert "ValueError" in line
    assert TOKEN not in line
    assert "local_secret =" not in line.replace("local_secret = TOKEN", "")


def test_json_lines_hold_the_extra_fields() -> None:
    line = json.loads(RedactingFormatter(json=True).format(record("connected", user="7", connection="c")))
    assert {
        "event": "connected",
        "user": "7",
        "connection": "c",
        "level": "info",
        "logger": "tests",
    }.items() <= line.items()
