"""Secrets in the log: in whatever spelling they come, and without hanging over long lines."""

import json
import logging
import subprocess
import sys

import pytest

from realtime.logs import RedactingFormatter, redact

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


def line(message: str, *, as_json: bool, **extra: object) -> str:
    record = logging.makeLogRecord({"msg": message, "name": "test", "levelno": 20, "levelname": "INFO", **extra})
    return RedactingFormatter(json=as_json).format(record)


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(
    "message",
    [
        f"token={JWT}",
        f"GET /ws/?token={JWT}&a=1",
        f"Authorization: Bearer {JWT}",
        f"Sec-WebSocket-Protocol: realtime.v1, bearer.{JWT}",
        f"('x', '{JWT}')",
        f'{{"event": "auth", "data": {{"token": "{JWT}"}}}}',
        f"{JWT}",
    ],
)
def test_a_token_is_in_no_line(message: str, as_json: bool) -> None:
    text = line(message, as_json=as_json)
    assert "c2lnbmF0dXJl" not in text
    assert "eyJzdWIi" not in text
    assert "c2lnbmF0dXJl" not in line("x", as_json=as_json, headers=[("authorization", JWT)])


@pytest.mark.parametrize("message", ["password=hunter2", "refresh: hunter2", "resume=hunter2&pid=hunter2"])
def test_the_value_of_what_is_named_like_a_secret_is_in_no_line(message: str) -> None:
    assert "hunter2" not in redact(message)


@pytest.mark.parametrize("text", ["the token was refused", "eyJ", "stupid=1", "rapid: 2", "Bearer", "accessible"])
def test_what_is_none_stays(text: str) -> None:
    assert redact(text) == text


def test_a_json_line_is_json_still() -> None:
    line_ = line(f'token="{JWT}" password="x"', as_json=True, user="1")
    assert json.loads(line_)["user"] == "1"


# -- defects ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", ['{"password": "hunter2"}', '{"refresh": "hunter2"}', '{"access": "hunter2"}'])
def test_a_secret_in_a_body_is_in_no_json_line(body: str) -> None:
    assert "hunter2" not in line(f'body "{body}"', as_json=True)


@pytest.mark.parametrize("name", ["newPassword", "oldPassword", "accessToken", "refreshToken"])
def test_names_of_the_wire_are_known(name: str) -> None:
    assert "hunter2" not in redact(f'{{"{name}": "hunter2"}}')


def test_a_long_line_takes_no_quadratic_time() -> None:
    """In a process of its own, which is given a hundred times the CPU that a linear pattern needs, and ends with it."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_CPU, (8, 8))"
    code = f"{limit}; from realtime.logs import redact; redact('eyJabcde-' * 20_000)"
    subprocess.run([sys.executable, "-c", code], check=True)
