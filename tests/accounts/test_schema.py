"""OpenAPI of accounts."""

from typing import Any

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from accounts import urls

PATHS = {
    "/auth/register",
    "/auth/token",
    "/auth/token/refresh",
    "/auth/logout",
    "/auth/logout-all",
    "/auth/password",
    "/me/",
    "/me/presence/",
    "/me/privacy/",
    "/users/",
    "/users/{userId}/",
    "/blocks/",
    "/blocks/{userId}/",
}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """Of this app alone."""
    generator: Any = SchemaGenerator(patterns=urls.api_urlpatterns)  # type: ignore[no-untyped-call]
    GENERATOR_STATS.reset()
    generated: dict[str, Any] = generator.get_schema(public=True)
    assert not GENERATOR_STATS
    return generated


def test_every_address_is_described_once_and_without_a_warning(schema: dict[str, Any]) -> None:
    assert set(schema["paths"]) == PATHS


def test_names_are_in_camel_case_and_passwords_are_never_shown(schema: dict[str, Any]) -> None:
    parts = schema["components"]["schemas"]
    names = {name for part in parts.values() for name in part.get("properties", {})}
    assert {"displayName", "isOnline", "retryAfter", "oldPassword"} <= names
    assert not [name for name in names if "_" in name]
    answers = [part for title, part in parts.items() if not title.endswith("Request")]
    assert not [part for part in answers if "password" in part.get("properties", ())]


def test_what_needs_a_token_says_so(schema: dict[str, Any]) -> None:
    assert schema["components"]["securitySchemes"] == {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    assert schema["paths"]["/me/"]["get"]["security"] == [{"bearer": []}]
    assert schema["paths"]["/auth/token"]["post"]["security"] == [{}]


def test_the_description_and_its_page_are_open_to_all(db: None) -> None:
    assert APIClient().get("/api/schema/").status_code == 200
    assert b"swagger" in APIClient().get("/api/docs/").content
