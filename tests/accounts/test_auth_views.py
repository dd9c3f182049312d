"""REST: registering, logging in and out, passwords."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts import services, tokens
from accounts.models import User
from tests.accounts.conftest import as_user, error_of, with_token
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

NEXT = "another-Secret-43"
ALICE = {"username": "alice", "password": PASSWORD}


def test_who_registers_is_logged_in(stranger: APIClient) -> None:
    response = stranger.post("/api/auth/register", ALICE | {"email": "a@EXAMPLE.com", "displayName": "Alice"})
    body = response.json()
    assert response.status_code == 201
    assert set(body) == {"user", "access", "refresh"}
    assert body["user"]["id"] == str(User.objects.get().pk)
    assert (body["user"]["email"], body["user"]["displayName"]) == ("a@example.com", "Alice")
    assert with_token(body["access"]).get("/api/me/").json() == body["user"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"username": "alice"}, "password"),
        ({"password": PASSWORD}, "username"),
        (ALICE | {"username": "with space"}, "username"),
        (ALICE | {"username": "nul\x00"}, "username"),
        (ALICE | {"username": ["alice"]}, "username"),
        (ALICE | {"password": "1234"}, "password"),
        (ALICE | {"password": None}, "password"),
        (ALICE | {"password": "a" * 1001}, "password"),
        (ALICE | {"email": "nowhere"}, "email"),
        (ALICE | {"displayName": "a" * 101}, "displayName"),
        (ALICE | {"display_name": "Alice"}, "display_name"),
        (ALICE | {"isStaff": True}, "isStaff"),
        (ALICE | {"id": "01890000-0000-7000-8000-000000000000"}, "id"),
    ],
)
def test_a_bad_registration_names_the_field(stranger: APIClient, body: dict[str, Any], field: str) -> None:
    response = stranger.post("/api/auth/register", body)
    assert error_of(response) == (400, "INVALID_PAYLOAD")
    assert field in response.json()["details"]
    assert not User.objects.exists()


def test_a_taken_name_is_a_conflict(alice: User, stranger: APIClient) -> None:
    assert error_of(stranger.post("/api/auth/register", ALICE | {"username": "ALICE"})) == (409, "CONFLICT")


def test_name_and_password_give_a_pair_of_tokens(alice: User, stranger: APIClient) -> None:
    response = stranger.post("/api/auth/token", ALICE | {"username": "Alice"})
    assert response.status_code == 200
    assert set(response.json()) == {"access", "refresh"}
    assert with_token(response.json()["access"]).get("/api/me/").json()["id"] == str(alice.pk)


def test_a_wrong_password_an_unknown_name_and_a_shut_account_get_one_answer(
    person: Callable[..., User], alice: User, stranger: APIClient
) -> None:
    services.deactivate_user(user_id=person("carol").pk)
    answers = [
        stranger.post("/api/auth/token", {"username": username, "password": password})
        for username, password in (("alice", "wrong"), ("nobody", PASSWORD), ("carol", PASSWORD))
    ]
    assert {error_of(answer) for answer in answers} == {(401, "AUTH_FAILED")}
    assert len({answer.content for answer in answers}) == 1


def test_an_unknown_name_costs_as_much_as_a_wrong_password(
    alice: User, stranger: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(self: MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    stranger.post("/api/auth/token", {"username": "alice", "password": "wrong"})
    known = len(hashed)
    stranger.post("/api/auth/token", {"username": "nobody", "password": "wrong"})
    assert len(hashed) == 2 * known > 0


@pytest.mark.parametrize(
    "body", [{}, {"username": "alice"}, {"password": PASSWORD}, ALICE | {"otp": "1"}, [], "x", None, 1]
)
def test_a_bad_log_in_is_no_error_of_the_server(alice: User, stranger: APIClient, body: Any) -> None:
    assert error_of(stranger.post("/api/auth/token", body, format="json")) == (400, "INVALID_PAYLOAD")


def test_an_account_is_tried_ten_times_a_minute_and_others_meanwhile(
    alice: User, bob: User, stranger: APIClient, settings: Settings
) -> None:
    settings.THROTTLES = settings.THROTTLES | {"login": "3/minute"}
    for name in ("alice", "ALICE", "Alice"):
        assert stranger.post("/api/auth/token", {"username": name, "password": "wrong"}).status_code == 401
    response = stranger.post("/api/auth/token", ALICE)
    assert error_of(response) == (429, "RATE_LIMITED")
    assert response.json()["message"] == "Rate limit exceeded"
    assert 0 < response.json()["retryAfter"] <= 60
    assert response["Retry-After"] == str(response.json()["retryAfter"])
    assert stranger.post("/api/auth/token", {"username": "bob", "password": PASSWORD}).status_code == 200


def test_an_address_registers_only_so_often(stranger: APIClient, settings: Settings) -> None:
    settings.THROTTLES = settings.THROTTLES | {"register": "1/minute"}
    assert stranger.post("/api/auth/register", ALICE).status_code == 201
    assert error_of(stranger.post("/api/auth/register", ALICE | {"username": "bob"})) == (429, "RATE_LIMITED")
    elsewhere = APIClient(REMOTE_ADDR="192.0.2.7")
    assert elsewhere.post("/api/auth/register", ALICE | {"username": "bob"}).status_code == 201


def test_a_refresh_token_is_exchanged_once(alice: User, stranger: APIClient) -> None:
    pair = tokens.issue(alice)
    response = stranger.post("/api/auth/token/refresh", {"refresh": pair["refresh"]})
    assert response.status_code == 200
    assert response.json()["refresh"] != pair["refresh"]
    assert with_token(response.json()["access"]).get("/api/me/").status_code == 200
    again = stranger.post("/api/auth/token/refresh", {"refresh": pair["refresh"]})
    assert error_of(again) == (401, "AUTH_FAILED")


def test_an_expired_token_in_the_header_does_not_hinder_a_refresh(alice: User) -> None:
    response = with_token("expired").post("/api/auth/token/refresh", {"refresh": tokens.issue(alice)["refresh"]})
    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/api/auth/token/refresh", "/api/auth/logout"])
@pytest.mark.parametrize(
    "body", [{}, {"refresh": ""}, {"refresh": 1.5, "x": 1}, {"refresh": "a" * 5000}, {"refresh": None}]
)
def test_a_bad_refresh_token_field_is_told(db: None, stranger: APIClient, path: str, body: dict[str, Any]) -> None:
    assert error_of(stranger.post(path, body)) == (400, "INVALID_PAYLOAD")
    assert error_of(stranger.post(path, {"refresh": "garbage"})) == (401, "AUTH_FAILED")


def test_who_logs_out_renews_no_more(alice: User, stranger: APIClient) -> None:
    body = {"refresh": tokens.issue(alice)["refresh"]}
    assert stranger.post("/api/auth/logout", body).status_code == 204
    assert stranger.post("/api/auth/logout", body).status_code == 204
    assert stranger.post("/api/auth/token/refresh", body).status_code == 401


def test_who_logs_out_everywhere_has_no_token_left(alice: User, bob: User, stranger: APIClient) -> None:
    phone, laptop, other = as_user(alice), as_user(alice), as_user(bob)
    assert phone.post("/api/auth/logout-all").status_code == 204
    assert [client.get("/api/me/").status_code for client in (phone, laptop, other)] == [401, 401, 200]
    assert error_of(stranger.post("/api/auth/logout-all")) == (401, "AUTH_REQUIRED")


def test_a_changed_password_gives_a_new_pair_and_ends_the_old_ones(alice: User, stranger: APIClient) -> None:
    client = as_user(alice)
    response = client.post("/api/auth/password", {"oldPassword": PASSWORD, "newPassword": NEXT})
    assert response.status_code == 200
    assert client.get("/api/me/").status_code == 401
    assert with_token(response.json()["access"]).get("/api/me/").status_code == 200
    assert stranger.post("/api/auth/token/refresh", {"refresh": response.json()["refresh"]}).status_code == 200
    assert stranger.post("/api/auth/token", ALICE).status_code == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"oldPassword": "wrong", "newPassword": NEXT}, "oldPassword"),
        ({"oldPassword": PASSWORD, "newPassword": "1234"}, "newPassword"),
        ({"oldPassword": PASSWORD}, "newPassword"),
        ({"newPassword": NEXT}, "oldPassword"),
        ({"oldPassword": PASSWORD, "new_password": NEXT}, "new_password"),
    ],
)
def test_a_password_is_not_changed_by_a_bad_request(alice: User, body: dict[str, Any], field: str) -> None:
    client = as_user(alice)
    response = client.post("/api/auth/password", body)
    assert error_of(response) == (400, "INVALID_PAYLOAD")
    assert field in response.json()["details"]
    assert client.get("/api/me/").status_code == 200


def test_a_stolen_access_token_guesses_the_password_only_so_often(alice: User, settings: Settings) -> None:
    settings.THROTTLES = settings.THROTTLES | {"login": "2/minute"}
    client = as_user(alice)
    body = {"oldPassword": "wrong", "newPassword": NEXT}
    assert [client.post("/api/auth/password", body).status_code for _ in range(3)] == [400, 400, 429]


def test_a_password_is_changed_by_nobody_without_a_token(alice: User, stranger: APIClient) -> None:
    response = stranger.post("/api/auth/password", {"oldPassword": PASSWORD, "newPassword": NEXT})
    assert error_of(response) == (401, "AUTH_REQUIRED")


@pytest.mark.parametrize("path", ["register", "token", "token/refresh", "logout", "logout-all", "password"])
def test_a_slash_at_the_end_is_accepted_and_other_methods_are_not(alice: User, path: str) -> None:
    client = as_user(alice)
    for slash in ("", "/"):
        assert client.post(f"/api/auth/{path}{slash}", {}).status_code != 404
        assert error_of(as_user(User.objects.get()).get(f"/api/auth/{path}{slash}")) == (405, "INVALID_PAYLOAD")
        client = as_user(User.objects.get())
