"""One shape for every error of REST: `{code, message, details?, retryAfter?}`, as on the socket."""

import logging
import math
from collections.abc import Iterator, Mapping
from functools import singledispatch
from typing import Any, Final

from django.core.exceptions import NON_FIELD_ERRORS, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

from realtime.errors import STATUS, ClientError, translate
from realtime.limits import refusal
from realtime.structs import camel

logger = logging.getLogger(__name__)

CHALLENGE: Final = 'Bearer realm="api"'
WHOLE: Final = "nonFieldErrors"


def exception_handler(error: Exception, _context: Mapping[str, Any]) -> Response:
    """The answer to any exception of a view; what is unexpected is logged and shown as INTERNAL."""
    set_rollback()
    refused = client_error(error)
    return Response(refused.body(), status=_status(error, refused), headers=_headers(refused))


def _status(error: Exception, refused: ClientError) -> int:
    own = (exceptions.MethodNotAllowed, exceptions.NotAcceptable, exceptions.UnsupportedMediaType)
    return error.status_code if isinstance(error, own) else STATUS[refused.code]


def _headers(refused: ClientError) -> dict[str, str]:
    headers = {}
    if STATUS[refused.code] == 401:
        headers["WWW-Authenticate"] = CHALLENGE
    if refused.retry_after is not None:
        headers["Retry-After"] = str(math.ceil(refused.retry_after))
    return headers


@singledispatch
def client_error(error: Exception) -> ClientError:
    """What the client is told of an exception of a view."""
    return translate(error)


@client_error.register
def _(error: exceptions.APIException) -> ClientError:
    if error.status_code < 500:
        return ClientError("INVALID_PAYLOAD", _text(error))
    logger.error("unexpected error", exc_info=error)
    return ClientError("INTERNAL", "Something went wrong here; it was noted.")


@client_error.register
def _(error: exceptions.NotAuthenticated) -> ClientError:
    return ClientError("AUTH_REQUIRED", _text(error))


@client_error.register
def _(error: exceptions.AuthenticationFailed) -> ClientError:
    return ClientError("AUTH_FAILED", _text(error))


@client_error.register
def _(error: exceptions.PermissionDenied) -> ClientError:
    return ClientError("FORBIDDEN", _text(error))


@client_error.register
def _(error: exceptions.NotFound) -> ClientError:
    return ClientError("NOT_FOUND", _text(error))


@client_error.register
def _(error: exceptions.Throttled) -> ClientError:
    wait: int | None = getattr(error, "wait", None)
    return refusal(wait or 1)


@client_error.register
def _(error: exceptions.ValidationError) -> ClientError:
    details = _details(error.detail)
    return ClientError("INVALID_PAYLOAD", next(_sentences(details), "Invalid input."), details=details)


@client_error.register
def _(error: DjangoValidationError) -> ClientError:
    refused = translate(error)
    details = {WHOLE if key == NON_FIELD_ERRORS else camel(key): value for key, value in refused.details.items()}
    return ClientError(refused.code, next(_sentences(details), refused.message), details=details)


@client_error.register(SuspiciousOperation)
@client_error.register(UnreadablePostError)
def _(error: Exception) -> ClientError:
    return ClientError("INVALID_PAYLOAD", "The request is malformed.")


@client_error.register
def _(error: RequestDataTooBig) -> ClientError:
    return ClientError("PAYLOAD_TOO_LARGE", "The request is too large.")


def _text(error: exceptions.APIException) -> str:
    return next(_sentences(error.detail), str(error.default_detail))


def _details(detail: Any) -> Any:
    """The framework's errors as plain JSON, with its one snake_case key in camelCase."""
    named = {WHOLE: detail} if isinstance(detail, list) and all(isinstance(d, str) for d in detail) else detail
    return _plain(named)


def _plain(detail: Any) -> Any:
    if isinstance(detail, Mapping):
        return {
            WHOLE if key == api_settings.NON_FIELD_ERRORS_KEY else str(key): _plain(value)
            for key, value in detail.items()
        }
    return [_plain(item) for item in detail] if isinstance(detail, list) else str(detail)


def _sentences(detail: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Each error as one line for people: `displayName: Too long.`"""
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            yield from _sentences(value, path if key == WHOLE else (*path, str(key)))
    elif isinstance(detail, list):
        for item in detail:
            yield from _sentences(item, path)
    else:
        yield f"{'.'.join(path)}: {detail}" if path else str(detail)
