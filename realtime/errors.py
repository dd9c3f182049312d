"""What a client may be told, and how a domain's exception becomes that."""

import logging
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, Final

import msgspec
from django.core.exceptions import NON_FIELD_ERRORS, ObjectDoesNotExist, PermissionDenied, ValidationError
from django.db import InterfaceError, OperationalError
from django.http import Http404

from realtime.structs import camel

logger = logging.getLogger(__name__)

STATUS: Final[Mapping[str, int]] = {
    "AUTH_REQUIRED": 401,
    "AUTH_FAILED": 401,
    "AUTH_TIMEOUT": 401,
    "TOKEN_EXPIRED": 401,
    "NOT_AUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "BLOCKED": 403,
    "NOT_FOUND": 404,
    "UNKNOWN_EVENT": 400,
    "INVALID_PAYLOAD": 400,
    "JOIN_ROOM_FAILED": 403,
    "CONFLICT": 409,
    "PAYLOAD_TOO_LARGE": 413,
    "RATE_LIMITED": 429,
    "TOO_MANY_CONNECTIONS": 429,
    "TOO_MANY_ROOMS": 429,
    "INTERNAL": 500,
}
"""Every code that a client can meet, with its HTTP status on REST."""


class Close(IntEnum):
    """Why the server closes a WebSocket: RFC 6455 section 7.4.1, and from 4000 this protocol's own."""

    GOING_AWAY = 1001
    NOT_JSON = 1007
    TOO_BIG = 1009
    INTERNAL = 1011
    SLOW_CONSUMER = 1013
    MALFORMED = 4400
    UNAUTHENTICATED = 4401
    POLICY = 4403
    AUTH_TIMEOUT = 4408
    LIMIT = 4429


class ClientError(Exception):
    """An error that is meant for the client's eyes; `code` is one of `STATUS`."""

    def __init__(self, code: str, message: str, *, details: Any = None, retry_after: float | None = None) -> None:
        if code not in STATUS:
            raise LookupError(f"{code!r} is no error code of the contract; take one of {', '.join(STATUS)}")
        super().__init__(code, message)
        self.code, self.message, self.details, self.retry_after = code, message, details, retry_after

    def body(self) -> dict[str, Any]:
        """`{code, message, details?, retryAfter?}`, `retryAfter` in seconds."""
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details is not None:
            body["details"] = self.details
        if self.retry_after is not None:
            body["retryAfter"] = self.retry_after
        return body


def translate(error: Exception) -> ClientError:
    """The client's view of any exception: nearest entry of the table along its bases, else INTERNAL."""
    if isinstance(error, ClientError):
        return error
    for base in type(error).__mro__:
        if handler := _TABLE.get(base):
            return handler(error)
    logger.error("unexpected error", exc_info=error)
    return ClientError("INTERNAL", "Something went wrong here; it was noted.")


def _code(error: Any, default: str) -> str:
    """A domain's own `code` attribute, where it is one that the contract knows."""
    code = str(getattr(error, "code", "") or "").upper()
    return code if code in STATUS else default


def _text(error: Exception, default: str) -> str:
    return str(error.args[0]) if error.args and isinstance(error.args[0], str) else default


def _denied(error: Any) -> ClientError:
    code, details = _code(error, "FORBIDDEN"), getattr(error, "details", None)  # a domain's own, where it has them
    return ClientError(code, _text(error, "You may not do this."), details=details)


def _missing(_: Exception) -> ClientError:
    return ClientError("NOT_FOUND", "There is no such thing, or it is not yours to see.")


def _invalid(error: Any) -> ClientError:
    fields = error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.messages}
    details = {"nonFieldErrors" if name == NON_FIELD_ERRORS else camel(name): text for name, text in fields.items()}
    return ClientError(_code(error, "INVALID_PAYLOAD"), error.messages[0], details=details)


def _unshaped(error: Exception) -> ClientError:
    return ClientError("INVALID_PAYLOAD", str(error))


def _unavailable(error: Exception) -> ClientError:
    logger.error("the database or Redis does not answer", exc_info=error)
    return ClientError("INTERNAL", "The server is in trouble; try again in a moment.", retry_after=5)


_TABLE: Final[Mapping[type, Callable[[Any], ClientError]]] = {
    PermissionDenied: _denied,
    ObjectDoesNotExist: _missing,
    Http404: _missing,
    ValidationError: _invalid,
    msgspec.DecodeError: _unshaped,
    OperationalError: _unavailable,
    InterfaceError: _unavailable,
    ConnectionError: _unavailable,
}
