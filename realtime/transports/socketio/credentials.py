"""What a Socket.IO client offers with its handshake, beside the `auth` payload of CONNECT."""

from collections.abc import Mapping
from typing import Any

from realtime.auth import Credentials, authenticate, bearer
from realtime.errors import ClientError, translate
from realtime.transports.engineio.session import EngineSession

Verdict = Credentials | ClientError
Offered = Mapping[str, Verdict]
"""What the tokens of the handshake request prove, by where each came from."""


async def offered(transport: EngineSession) -> Offered:
    """Check the tokens of `Authorization` (`header`, or `bare header` without `Bearer`) and of the query.

    They are taken out of the request, since the server holds on to that for long.
    """
    verdicts: dict[str, Verdict] = {}
    header = _take_authorization(transport.scope)
    if header:
        token = bearer(header)
        verdicts["bare header" if token is None else "header"] = await verdict(header if token is None else token)
    token = transport.query.get("token")
    if token is not None:
        transport.query = {name: value for name, value in transport.query.items() if name != "token"}
        transport.scope["query_string"] = b""
        if token:
            verdicts["query"] = await verdict(token)
    return verdicts


async def verdict(token: str) -> Verdict:
    """Whose token it is, or why it does not count."""
    try:
        return await authenticate(token)
    except Exception as error:  # noqa: BLE001 -- translated, and logged there if it is a surprise
        return translate(error)


def _take_authorization(scope: dict[str, Any]) -> str:
    value = next((text for name, text in reversed(scope["headers"]) if name == b"authorization"), b"")
    scope["headers"][:] = [(name, text) for name, text in scope["headers"] if name != b"authorization"]
    return str(value.decode("latin-1").strip())


def takes_offsets(transport: EngineSession) -> bool:
    """Whether the client can take a `pid`, and an offset behind the arguments of every event.

    The JavaScript client can, and begins its query with `EIO=4&transport=`; Python's, whose handlers
    break on one argument more, has it the other way round. `?recovery=0` or `1` says so itself.
    """
    asked = transport.query.get("recovery")
    return asked == "1" if asked in {"0", "1"} else b"EIO=4&transport=" in transport.scope["query_string"]
