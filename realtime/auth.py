"""From a credential to a user, the same for every transport.

What a token means is the project's matter: `REALTIME["AUTHENTICATOR"]` names the function that
turns one into `Credentials`. A token is never kept after that call.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final, cast

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from realtime import database
from realtime.conf import conf
from realtime.errors import ClientError, translate

SUBPROTOCOL: Final = "realtime.v1"
BEARER_SUBPROTOCOL: Final = "bearer."


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is asking: a value, not a model; services take its `id`."""

    id: str
    username: str
    is_staff: bool = False
    claims: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_authenticated(self) -> bool:
        """Whether it is somebody."""
        return bool(self.id)

    @property
    def is_anonymous(self) -> bool:
        """Whether it is nobody in particular."""
        return not self.id


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a valid token proved: who, until when (Unix seconds), and of which generation."""

    identity: Identity
    expires_at: float
    generation: str
    checked_at: float = 0.0  # by `time.monotonic`, before the database was asked


NOBODY: Final = Credentials(Identity(id="", username=""), expires_at=math.inf, generation="")
"""Those of a client that is let in without any."""

Authenticator = Callable[[str], Credentials]


@cache
def authenticator() -> Authenticator:
    """The project's function from token to credentials; it may query the database."""
    return cast(Authenticator, import_string(conf().authenticator))


@cache
def verifier() -> Callable[[str], None]:
    """The project's function that refuses tokens which need no query to be known as bad."""
    return cast(Callable[[str], None], import_string(conf().token_verifier))


def _forget(*, setting: str, **_: object) -> None:
    if setting == "REALTIME":
        authenticator.cache_clear()
        verifier.cache_clear()


setting_changed.connect(_forget, dispatch_uid="realtime.auth")


async def authenticate(token: str) -> Credentials:
    """The token's credentials; ClientError TOKEN_EXPIRED or AUTH_FAILED."""
    checked_at = time.monotonic()
    return replace(await database.run(authenticator(), token), checked_at=checked_at)


Verdict = Credentials | ClientError


async def verdict(token: str) -> Verdict:
    """Whose token it is, or why it does not count."""
    try:
        return await authenticate(token)
    except Exception as error:  # noqa: BLE001 -- translated, and logged there if it is a surprise
        refused = translate(error)
    # Another one, which has no traceback: the frames there hold the token.
    return ClientError(refused.code, refused.message, details=refused.details, retry_after=refused.retry_after)


def take_token(scope: dict[str, Any]) -> str | None:
    """The bearer token of a WebSocket's header or subprotocols, which is removed from the scope."""
    token = None
    headers = []
    for name, value in scope["headers"]:
        if name == b"authorization":
            token = bearer(value.decode("latin-1")) or token
        elif name != b"sec-websocket-protocol":
            headers.append((name, value))
    offered = scope.get("subprotocols", [])
    if token is None:
        token = next((p.removeprefix(BEARER_SUBPROTOCOL) for p in offered if p.startswith(BEARER_SUBPROTOCOL)), None)
    # In place: the server holds on to these very lists for as long as the connection lives.
    scope["headers"][:] = headers
    offered[:] = [protocol for protocol in offered if not protocol.startswith(BEARER_SUBPROTOCOL)]
    return token or None


def bearer(header: str) -> str | None:
    """The token of an `Authorization` header (RFC 6750, section 2.1)."""
    scheme, _, token = header.strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
