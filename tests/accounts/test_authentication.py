"""From a token to a person, for the socket and for REST."""

import time
from collections.abc import Callable
from datetime import timedelta

import jwt
import pytest
from django.conf import settings
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts import services, tokens
from accounts.authentication import authenticate
from accounts.models import User
from accounts.tokens import AccessToken
from realtime.auth import authenticator
from realtime.errors import ClientError
from tests.accounts.conftest import with_token
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def expired(user: User) -> str:
    token = AccessToken.for_user(user)
    token.set_exp(lifetime=timedelta(seconds=-1))
    return str(token)


def forged(user: User, secret: str = settings.JWT_SECRET, algorithm: str | None = "HS256", **claims: object) -> str:
    """A token with other claims, or of another secret."""
    payload = AccessToken.for_user(user).payload | claims
    return jwt.encode({key: value for key, value in payload.items() if value != ""}, secret, algorithm)


BAD: dict[str, Callable[[User], str]] = {
    "nothing": lambda _: "",
    "garbage": lambda _: "garbage",
    "half a surrogate pair": lambda _: "\ud800.a.b",
    "a refresh token": lambda user: tokens.issue(user)["refresh"],
    "another secret": lambda user: forged(user, "somebody-elses-secret-0123456789abcdef"),
    "another secret, and expired": lambda user: forged(user, "somebody-elses-secret-0123456789abcdef", exp=1),
    "no signature": lambda user: forged(user, "", None),
    "another generation": lambda user: forged(user, gen="0" * 16),
    "no generation": lambda user: forged(user, gen=""),
    "no end": lambda user: forged(user, exp=""),
    "nobody": lambda user: forged(user, sub=""),
    "an unknown user": lambda user: forged(user, sub="01890000-0000-7000-8000-000000000000"),
    "what is no id": lambda user: forged(user, sub="1 or 1=1"),
}


def test_a_good_token_gives_identity_end_and_generation(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    alice.wallet_address = "0x" + "B" * 40
    alice.save()
    token = tokens.issue(alice)["access"]
    with django_assert_num_queries(1):
        credentials = authenticate(token)
    identity = credentials.identity
    assert (identity.id, identity.username, identity.is_staff) == (str(alice.pk), "alice", False)
    assert identity.claims == {"walletAddress": "0x" + "b" * 40, "displayName": "Alice A."}
    assert credentials.expires_at == pytest.approx(time.time() + 3600, abs=5)
    assert credentials.generation == tokens.fingerprint(alice)


def test_the_core_is_given_this_authenticator() -> None:
    assert authenticator() is authenticate


@pytest.mark.parametrize("make", BAD.values(), ids=BAD.keys())
def test_a_bad_token_fails_on_the_socket_and_over_rest(alice: User, make: Callable[[User], str]) -> None:
    token = make(alice)
    with pytest.raises(ClientError) as error:
        authenticate(token)
    assert error.value.code == "AUTH_FAILED"
    if not token or not token.isascii():
        return
    response = with_token(token).get("/api/me/")
    assert (response.status_code, response.json()["code"]) == (401, "AUTH_FAILED")
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


def test_an_expired_token_is_told_so(alice: User) -> None:
    with pytest.raises(ClientError) as error:
        authenticate(expired(alice))
    assert error.value.code == "TOKEN_EXPIRED"
    response = with_token(expired(alice)).get("/api/me/")
    assert (response.status_code, response.json()["code"]) == (401, "TOKEN_EXPIRED")


def test_a_changed_password_ends_every_older_token(alice: User) -> None:
    old = tokens.issue(alice)["access"]
    new = tokens.issue(services.change_password(user_id=alice.pk, old_password=PASSWORD, new_password="a-New-one-44"))
    assert authenticate(new["access"]).identity.id == str(alice.pk)
    with pytest.raises(ClientError):
        authenticate(old)
    assert with_token(old).get("/api/me/").status_code == 401


def test_a_deactivated_user_is_not_let_in(alice: User) -> None:
    token = tokens.issue(alice)["access"]
    User.objects.filter(pk=alice.pk).update(is_active=False)
    with pytest.raises(ClientError) as error:
        authenticate(token)
    assert error.value.code == "AUTH_FAILED"


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Bearer", "bearer"])
def test_without_a_bearer_token_one_is_asked_for(db: None, header: str) -> None:
    response = APIClient().get("/api/me/", headers={"Authorization": header})
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
    assert response.json()["code"] == ("AUTH_FAILED" if header == "Bearer" else "AUTH_REQUIRED")


def test_a_header_of_three_words_is_refused(db: None) -> None:
    response = APIClient().get("/api/me/", headers={"Authorization": "Bearer a b"})
    assert (response.status_code, response.json()["code"]) == (401, "AUTH_FAILED")
