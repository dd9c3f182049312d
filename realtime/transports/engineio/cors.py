"""Which origins may use the sessions, and what their browsers are told."""

from typing import Final

from realtime.addresses import is_allowed_origin
from realtime.conf import conf
from realtime.middleware import Scope, header, host_of, is_secure

Headers = list[tuple[bytes, bytes]]

PREFLIGHT_AGE: Final = b"600"  # seconds that a browser remembers the answer


def has_allowed_origin(scope: Scope) -> bool:
    """Whether it comes from an allowed origin, from this very host, or from no browser."""
    return is_allowed_origin(
        header(scope, b"origin"),
        host=host_of(scope),
        secure=is_secure(scope),
        allowed=conf().allowed_origins,
    )


def cors_headers(scope: Scope) -> Headers:
    """For every answer: that this origin may read it, if it may. Never any origin, for there are credentials."""
    headers: Headers = [(b"vary", b"Origin")]
    origin = header(scope, b"origin")
    if origin is not None and has_allowed_origin(scope):
        headers.append((b"access-control-allow-origin", origin.encode("latin-1")))
        headers.append((b"access-control-allow-credentials", b"true"))
    return headers


def preflight_headers(scope: Scope) -> Headers:
    """For the answer to OPTIONS: what the request may be like."""
    headers = [
        (b"access-control-allow-methods", b"GET, POST"),
        (b"access-control-max-age", PREFLIGHT_AGE),
    ]
    wanted = header(scope, b"access-control-request-headers")
    if wanted is not None:
        headers.append((b"access-control-allow-headers", wanted.encode("latin-1")))
    return headers
