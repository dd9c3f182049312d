"""Any exception becomes what a client may be told, and no more."""

import msgspec
import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import InterfaceError, OperationalError
from django.http import Http404

from accounts.exceptions import Blocked
from accounts.models import User
from chat.exceptions import TextTooLong
from realtime.errors import ClientError, translate


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (PermissionDenied("Only owners."), "FORBIDDEN", "Only owners."),
        (PermissionDenied(), "FORBIDDEN", "You may not do this."),
        (Blocked("Not to them."), "BLOCKED", "Not to them."),
        (User.DoesNotExist("secret query"), "NOT_FOUND", "There is no such thing, or it is not yours to see."),
        (Http404("secret"), "NOT_FOUND", "There is no such thing, or it is not yours to see."),
        (ValidationError("Too much."), "INVALID_PAYLOAD", "Too much."),
        (ValidationError("Too much.", code="nobody knows"), "INVALID_PAYLOAD", "Too much."),
        (ValidationError("Was first.", code="conflict"), "CONFLICT", "Was first."),
        (TextTooLong(5), "PAYLOAD_TOO_LARGE", "A message has at most 5 characters."),
        (msgspec.ValidationError("Expected `int`"), "INVALID_PAYLOAD", "Expected `int`"),
        (OperationalError("secret"), "INTERNAL", "The server is in trouble; try again in a moment."),
        (InterfaceError("secret"), "INTERNAL", "The server is in trouble; try again in a moment."),
        (ConnectionError("secret"), "INTERNAL", "The server is in trouble; try again in a moment."),
        (KeyError("secret"), "INTERNAL", "Something went wrong here; it was noted."),
    ],
)
def test_it_is_translated(error: Exception, code: str, message: str) -> None:
    told = translate(error)
    assert (told.code, told.message) == (code, message)
    assert "secret" not in str(told.body())


def test_an_error_for_clients_stays_as_it_is() -> None:
    error = ClientError("CONFLICT", "x")
    assert translate(error) is error


def test_fields_are_named_as_on_the_wire() -> None:
    told = translate(ValidationError({"display_name": ["Too long."], "__all__": ["No."]}))
    assert told.details == {"displayName": ["Too long."], "nonFieldErrors": ["No."]}
    assert translate(ValidationError("No.")).details == {"nonFieldErrors": ["No."]}


def test_trouble_that_will_pass_comes_with_advice() -> None:
    assert translate(OperationalError()).retry_after == 5


def test_what_is_unexpected_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    translate(KeyError("the detail"))
    assert "the detail" in caplog.text
