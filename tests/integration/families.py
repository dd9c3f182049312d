"""What tests of the families share."""

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

from accounts.models import User
from accounts.services import log_out_everywhere
from accounts.tokens import AccessToken, access_token
from tests.integration.javascript import JavaScriptClient

Connect = Callable[..., JavaScriptClient]
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
_hosts = count(1)


def token_for(user: User, seconds: float) -> str:
    """A token that lives so long."""
    token = AccessToken.for_user(user)
    token.set_exp(lifetime=timedelta(seconds=seconds))
    return str(token)


def forged(user: User) -> str:
    """A token with another signature."""
    return access_token(user)[:-4] + "AAAA"


def expired(user: User) -> str:
    """A token that was good a minute ago."""
    return token_for(user, -60)


def revoked(user: User) -> str:
    """A token of before the user was logged out everywhere."""
    token = access_token(user)
    log_out_everywhere(user_id=user.pk)
    return token


def from_elsewhere(**headers: str) -> dict[str, Any]:
    """Options of a client with an address of its own, where the server trusts this machine as a proxy."""
    number = next(_hosts)
    return {"extraHeaders": {"X-Forwarded-For": f"203.0.{number // 250}.{number % 250 + 1}"} | headers}


def logged_in(client: JavaScriptClient, user: User, *rooms: object) -> JavaScriptClient:
    """A messenger client after `auth` and `join-room`."""
    client.emit("auth", access_token(user))
    client.expect("auth-success", userId=str(user.pk))
    for room in rooms:
        client.emit("join-room", str(room))
        client.expect("room-joined", conversationId=str(room))
    return client


def refused(client: JavaScriptClient) -> dict[str, Any]:
    """Why CONNECT was refused; checks the text that every client shows."""
    error = client.happens("connect_error")
    assert error["message"] == "Authentication failed"
    assert error["data"].keys() == {"code", "message"}
    return dict(error["data"])


def sent_away(client: JavaScriptClient) -> dict[str, Any]:
    """The `error` of a client that the server then disconnects for good."""
    error: dict[str, Any] = client.expect("error")
    assert client.happens("disconnect")["reason"] == "io server disconnect"
    return error
