"""Clients of REST, and what signals wanted to be sent."""

import json

import pytest
from django.http import HttpResponse
from rest_framework.test import APIClient

from accounts import tokens
from accounts.models import User
from realtime.publishing import Intent


@pytest.fixture
def stranger() -> APIClient:
    """A client without a token."""
    return APIClient()


def as_user(user: User) -> APIClient:
    """A client with a fresh token of the user's."""
    return with_token(tokens.issue(user)["access"])


def with_token(token: str) -> APIClient:
    """A client with this token."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def error_of(response: HttpResponse) -> tuple[int, str]:
    """The status and the code."""
    return response.status_code, json.loads(response.content)["code"]


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[Intent]:
    """What signals wanted to be sent."""
    seen: list[Intent] = []
    monkeypatch.setattr("realtime.signals.publish", lambda *intents: seen.extend(intents))
    return seen
