"""What HTTP requests are answered with, and the refusals that the official server knows."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from realtime.errors import STATUS, ClientError
from realtime.middleware import Scope, Send
from realtime.transports.engineio.cors import cors_headers

TEXT: Final = b"text/plain; charset=UTF-8"
JSON: Final = b"application/json"


class Answer(NamedTuple):
    """An HTTP response."""

    status: int
    body: bytes = b""
    content_type: bytes = TEXT
    headers: Iterable[tuple[bytes, bytes]] = ()


class Refusal(NamedTuple):
    """Why a request is not served: the protocol's own code and words."""

    code: int
    message: str
    status: int = 400

    def answer(self) -> Answer:
        """The response: `{code, message}`."""
        body = msgspec.json.encode({"code": self.code, "message": self.message})
        return Answer(self.status, body, JSON)


UNKNOWN_TRANSPORT: Final = Refusal(0, "Transport unknown")
UNKNOWN_SESSION: Final = Refusal(1, "Session ID unknown")
BAD_METHOD: Final = Refusal(2, "Bad handshake method")
BAD_REQUEST: Final = Refusal(3, "Bad request")
FORBIDDEN: Final = Refusal(4, "Forbidden", status=403)
BAD_VERSION: Final = Refusal(5, "Unsupported protocol version")
OK: Final = Answer(200, b"ok")
TOO_BIG: Final = Answer(413, b"Payload too large")


def error_answer(error: ClientError) -> Answer:
    """The response to what the layer above refuses."""
    return Answer(STATUS[error.code], msgspec.json.encode(error.body()), JSON)


async def respond(scope: Scope, send: Send, answer: Answer) -> None:
    """Send the response, with what the client's origin needs."""
    headers = [
        (b"content-type", answer.content_type),
        (b"content-length", str(len(answer.body)).encode()),
        (b"cache-control", b"no-store"),
        *cors_headers(scope),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
