"""Requests that leave no trace, and what must be true of every answer."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.test import TestCase
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation, BaseSchema

from realtime.limits import limits

World = dict[str, str]
Operation = APIOperation[Any, Any, Any, Any]


@contextmanager
def rolled_back() -> Iterator[None]:
    """As a request of its own, without any before it: what follows a commit is done, then all is as it was."""
    limits.cache_clear()
    with transaction.atomic():
        with TestCase.captureOnCommitCallbacks(execute=True):
            yield
        transaction.set_rollback(True)


def check(status: int, content: bytes) -> None:
    """Nothing broke, and an error is told in the one form of all errors."""
    assert status < 500, content
    if status >= 400:
        error = json.loads(content)
        assert {"code", "message"} <= set(error) <= {"code", "message", "details", "retryAfter"}
        assert isinstance(error["code"], str)
        assert isinstance(error["message"], str)
        assert error["message"]


def operations(openapi: BaseSchema) -> list[Operation]:
    """All of the document, those that remove files last, because no transaction brings a file back."""
    found: list[Operation] = [result.ok() for result in openapi.get_all_operations() if isinstance(result, Ok)]
    assert len(found) > 50
    return sorted(found, key=lambda operation: operation.method.upper() == "DELETE")
