"""What stands before every WebSocket consumer: the origin check, then the token."""

from collections.abc import Awaitable, Callable
from typing import Any

from django.contrib.auth.models import AnonymousUser

from realtime.addresses import client_address, is_allowed_origin, is_trusted_proxy
from realtime.auth import SUBPROTOCOL, Credentials, take_token, verdict
from realtime.conf import conf
from realtime.errors import ClientError, Close
from realtime.writers import send_close

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]


def header(scope: Scope, name: bytes) -> str | None:
    """The last value of a request header."""
    return next((value.decode("latin-1") for key, value in reversed(scope["headers"]) if key == name), None)


def host_of(scope: Scope) -> str:
    """The Host header; none if there are several, which servers do not refuse though RFC 9112, section 3.2, says so."""
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    return hosts[0] if len(hosts) == 1 else ""


def address_of(scope: Scope) -> str:
    """The client's address, behind the trusted proxies."""
    hops = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return client_address(_peer(scope), ",".join(hops))


def _peer(scope: Scope) -> str:
    return scope["client"][0] if scope.get("client") else ""


def is_secure(scope: Scope) -> bool:
    """Whether the client came over TLS, which may end at a trusted proxy."""
    forwarded = header(scope, b"x-forwarded-proto")
    if forwarded is not None and is_trusted_proxy(_peer(scope)):
        return forwarded.split(",")[-1].strip() in {"https", "wss"}
    return scope.get("scheme") in {"https", "wss"}


class OriginMiddleware:
    """Lets in browsers of allowed origins and of this very host, and all that is no browser; else 4403."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one connection."""
        origin = header(scope, b"origin")
        if is_allowed_origin(origin, host=host_of(scope), secure=is_secure(scope), allowed=conf().allowed_origins):
            await self.app(scope, receive, send)
        else:
            await refuse(scope, receive, send, Close.POLICY, "origin not allowed")


async def refuse(scope: Scope, receive: Receive, send: Send, code: Close, reason: str) -> None:
    """Accept, then close: a refusal before accepting reaches clients as HTTP 403 without the code."""
    await receive()
    await send({"type": "websocket.accept", "subprotocol": selected_subprotocol(scope)})
    await send_close(send, code, reason)


def selected_subprotocol(scope: Scope) -> str | None:
    """`realtime.v1` if the client offers it; a token that it offers beside is never echoed."""
    return SUBPROTOCOL if SUBPROTOCOL in scope.get("subprotocols", []) else None


class JWTAuthMiddleware:
    """Sets `scope["user"]` from the token of the header or the subprotocols; fits any consumer.

    `scope["user"]` is an `Identity` or an `AnonymousUser`; `scope["credentials"]` holds the
    `Credentials`, the `ClientError` of a bad token, or None without a token. The token itself is
    taken out of the scope.
    """

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Authenticate one connection."""
        scope = dict(scope, user=AnonymousUser(), credentials=None)
        token = take_token(scope)
        if token is not None:
            scope["credentials"] = found = await verdict(token)
            if isinstance(found, Credentials):
                scope["user"] = found.identity
        await self.app(scope, receive, send)


__all__ = ["Application", "ClientError", "JWTAuthMiddleware", "OriginMiddleware", "address_of", "refuse"]
