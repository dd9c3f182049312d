"""Every error of REST in one shape."""

import json
import logging
from collections.abc import Callable
from typing import Any, cast

import pytest
from django.core.exceptions import ObjectDoesNotExist, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import OperationalError, transaction
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions
from rest_framework.authentication import BasicAuthentication
from rest_framework.permissions import IsAdminUser, IsAuthenticated
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from realtime.errors import ClientError
from realtime.rest.exceptions import exception_handler
from realtime.rest.parsers import JSONParser
from realtime.rest.views import NotFoundView
from tests.realtime.rest.conftest import Answer

Ask = Callable[..., Answer]


class Blocked(DjangoPermissionDenied):
    """As a domain app declares it."""

    code = "BLOCKED"


def raising(error: BaseException) -> Callable[[Request], None]:
    """A view's body that fails with it."""

    def body(_: Request) -> None:
        raise error

    return body


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ClientError("CONFLICT", "Twice."), 409, "CONFLICT"),
        (exceptions.NotAuthenticated(), 401, "AUTH_REQUIRED"),
        (exceptions.AuthenticationFailed(), 401, "AUTH_FAILED"),
        (exceptions.PermissionDenied(), 403, "FORBIDDEN"),
        (exceptions.NotFound(), 404, "NOT_FOUND"),
        (exceptions.ParseError(), 400, "INVALID_PAYLOAD"),
        (exceptions.ValidationError("No."), 400, "INVALID_PAYLOAD"),
        (exceptions.MethodNotAllowed("GET"), 405, "INVALID_PAYLOAD"),
        (exceptions.NotAcceptable(), 406, "INVALID_PAYLOAD"),
        (exceptions.UnsupportedMediaType("text/xml"), 415, "INVALID_PAYLOAD"),
        (exceptions.Throttled(wait=3), 429, "RATE_LIMITED"),
        (exceptions.Throttled(), 429, "RATE_LIMITED"),
        (Http404("secret"), 404, "NOT_FOUND"),
        (ObjectDoesNotExist("secret"), 404, "NOT_FOUND"),
        (DjangoPermissionDenied("No."), 403, "FORBIDDEN"),
        (Blocked("No."), 403, "BLOCKED"),
        (DjangoValidationError("No."), 400, "INVALID_PAYLOAD"),
        (DjangoValidationError("Taken.", code="conflict"), 409, "CONFLICT"),
        (SuspiciousOperation("secret"), 400, "INVALID_PAYLOAD"),
        (UnreadablePostError("secret"), 400, "INVALID_PAYLOAD"),
        (RequestDataTooBig("secret"), 413, "PAYLOAD_TOO_LARGE"),
        (exceptions.APIException("secret"), 500, "INTERNAL"),
        (OperationalError("secret"), 500, "INTERNAL"),
        (ZeroDivisionError("secret"), 500, "INTERNAL"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_an_exception_has_its_status_and_code(answer: Ask, error: Exception, status: int, code: str) -> None:
    got, body, headers = answer(raising(error))
    assert (got, body["code"]) == (status, code)
    assert body["message"]
    assert set(body) <= {"code", "message", "details", "retryAfter"}
    assert "secret" not in json.dumps(body)
    assert ("WWW-Authenticate" in headers) == (status == 401)


def test_what_is_unexpected_is_logged_with_its_trace(answer: Ask, caplog: pytest.LogCaptureFixture) -> None:
    answer(raising(ZeroDivisionError("secret")))
    records = [record for record in caplog.records if record.name == "realtime.errors"]
    assert [record.levelno for record in records] == [logging.ERROR]
    assert records[0].exc_info is not None


def test_an_error_of_the_client_is_not_logged_as_ours(answer: Ask, caplog: pytest.LogCaptureFixture) -> None:
    answer(raising(exceptions.ValidationError("No.")))
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_who_must_wait_is_told_how_long(answer: Ask) -> None:
    _, body, headers = answer(raising(exceptions.Throttled(wait=2.1)))
    assert body == {"code": "RATE_LIMITED", "message": "Rate limit exceeded", "retryAfter": 3}
    assert headers["Retry-After"] == "3"


@pytest.mark.parametrize(
    ("error", "message", "details"),
    [
        (exceptions.ValidationError("No."), "No.", {"nonFieldErrors": ["No."]}),
        (exceptions.ValidationError({"firstName": ["Long."]}), "firstName: Long.", {"firstName": ["Long."]}),
        (exceptions.ValidationError({"non_field_errors": ["No."]}), "No.", {"nonFieldErrors": ["No."]}),
        (
            exceptions.ValidationError({"members": [{}, {"userId": ["Gone."]}]}),
            "members.userId: Gone.",
            {"members": [{}, {"userId": ["Gone."]}]},
        ),
        (exceptions.ValidationError({"ids": cast(Any, {0: ["Bad."]})}), "ids.0: Bad.", {"ids": {"0": ["Bad."]}}),
        (exceptions.ValidationError([{}, {"a": ["Bad."]}]), "a: Bad.", [{}, {"a": ["Bad."]}]),
        (exceptions.ValidationError({}), "Invalid input.", {}),
        (DjangoValidationError("No."), "No.", {"nonFieldErrors": ["No."]}),
        (DjangoValidationError({"first_name": ["Long."]}), "firstName: Long.", {"firstName": ["Long."]}),
        (DjangoValidationError({"__all__": ["No."]}), "No.", {"nonFieldErrors": ["No."]}),
    ],
)
def test_a_refused_input_names_its_fields(answer: Ask, error: Exception, message: str, details: Any) -> None:
    _, body, _ = answer(raising(error))
    assert body == {"code": "INVALID_PAYLOAD", "message": message, "details": details}


def test_a_keys_own_underscore_in_a_map_of_the_client_is_kept(answer: Ask) -> None:
    _, body, _ = answer(raising(exceptions.ValidationError({"map": {"some_key": ["Bad."]}})))
    assert body["details"] == {"map": {"some_key": ["Bad."]}}


def test_without_credentials_they_are_asked_for_and_with_too_few_rights_they_are_not_enough(answer: Ask) -> None:
    protected = {"authentication_classes": (BasicAuthentication,), "permission_classes": (IsAuthenticated,)}
    status, body, headers = answer(lambda _: 1, **protected)
    assert (status, body["code"], headers["WWW-Authenticate"]) == (401, "AUTH_REQUIRED", 'Bearer realm="api"')
    status, body, _ = answer(lambda _: 1, permission_classes=(IsAdminUser,))
    assert (status, body["code"]) == (403, "FORBIDDEN")


def test_a_media_type_that_nobody_reads_is_told(answer: Ask) -> None:
    status, body, _ = answer(lambda request: request.data, b"<a/>", "text/xml")
    assert (status, body["code"]) == (415, "INVALID_PAYLOAD")


@pytest.mark.django_db
def test_an_error_rolls_an_atomic_request_back(settings: Any) -> None:
    connection = transaction.get_connection()
    before = connection.settings_dict["ATOMIC_REQUESTS"]
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        with transaction.atomic():
            exception_handler(exceptions.NotFound(), {})
            assert connection.needs_rollback
            connection.needs_rollback = False
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = before


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
def test_where_nothing_is_every_method_is_told_so(method: str) -> None:
    response = NotFoundView.as_view()(getattr(APIRequestFactory(), method)("/api/nothing")).render()
    assert response.status_code == 404
    assert json.loads(response.content)["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    "text", [b"{", b"", b'{"a": NaN}', b'"\xff"', b'"\\ud800"', b"[" * 100_000, b"9" * 5000, b'{"a": 1} x']
)
def test_what_is_no_json_is_refused(answer: Ask, text: bytes) -> None:
    if not text:
        assert answer(lambda request: request.data, b"", parser_classes=(JSONParser,))[:2] == (200, {})
        return
    status, body, _ = answer(lambda request: request.data, text, parser_classes=(JSONParser,))
    assert (status, body["code"]) == (400, "INVALID_PAYLOAD")


def test_json_is_read_as_it_is(answer: Ask) -> None:
    data = {"snake_case": [1, 2.5, None, True, "é\u2028😀"]}
    raw = json.dumps(data).encode()
    assert answer(lambda request: request.data, raw, parser_classes=(JSONParser,))[:2] == (200, data)


def test_a_body_over_the_limit_is_refused_and_one_at_it_is_read(answer: Ask, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    options = {"parser_classes": (JSONParser,)}
    assert answer(lambda request: request.data, b'{"a":1234}', **options)[0] == 200
    status, body, _ = answer(lambda request: request.data, b'{"a":12345}', **options)
    assert (status, body["code"]) == (413, "PAYLOAD_TOO_LARGE")
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = None
    assert answer(lambda request: request.data, b'{"a":12345}', **options)[0] == 200
