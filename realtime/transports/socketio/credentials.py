"""What a Socket.IO client offers with its handshake, beside the `auth` payload of CONNECT."""

from collections.abc import Mapping

from realtime.auth import Verdict, bearer, verdict
from realtime.conf import conf
from realtime.errors import ClientError
from realtime.limits import limit_connections
from realtime.middleware import address_of
from realtime.transports.engineio.session import EngineSession

Offered = Mapping[str, Verdict]
"""What the tokens of the handshake request prove, by where each came from."""


async def offered(transport: EngineSession) -> Offered:
    """Check the tokens of `Authorization` (`header`, or `bare header` without `Bearer`) and of the query."""
    tokens = _take_tokens(transport)
    if not tokens:
        return {}
    try:  # each costs a query, and CONNECT, which counts connections, is yet to come
        await limit_connections(conf().connections_per_address, "tokens", address_of(transport.scope))
    except ClientError as error:
        return dict.fromkeys(tokens, error)
    return {source: await verdict(token) for source, token in tokens.items()}


def _take_tokens(transport: EngineSession) -> dict[str, str]:
    """By where they come from. They are taken out of the request: the server holds on to that for long."""
    tokens: dict[str, str] = {}
    scope = transport.scope
    header = next((text for name, text in reversed(scope["headers"]) if name == b"authorization"), b"")
    scope["headers"][:] = [(name, text) for name, text in scope["headers"] if name != b"authorization"]
    if value := header.decode("latin-1").strip():
        token = bearer(value)
        tokens["bare header" if token is None else "header"] = token or value
    if "token" in transport.query:
        tokens["query"] = transport.query.pop("token")
        scope["query_string"] = b""
    return {source: token for source, token in tokens.items() if token}


def takes_offsets(transport: EngineSession) -> bool:
    """Whether the client can take a `pid`, and an offset behind the arguments of every event.

    The JavaScript client can, and begins its query with `EIO=4&transport=`; Python's, whose handlers
    break on one argument more, has it the other way round. `?recovery=0` or `1` says so itself.
    """
    asked = transport.query.get("recovery")
    return asked == "1" if asked in {"0", "1"} else b"EIO=4&transport=" in transport.scope["query_string"]
