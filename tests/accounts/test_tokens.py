"""Tokens: made, renewed, ended, and their secrets rotated."""

from contextlib import suppress
from datetime import timedelta
from threading import Barrier, BrokenBarrierError
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.contrib.auth.models import update_last_login
from pytest_django import Settings
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from accounts import services, tokens
from accounts.models import User
from accounts.tokens import AccessToken, RefreshToken
from realtime.errors import ClientError
from tests.accounts.threads import at_once
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
OTHER = "a-secret-of-another-time-0123456789abcdef"


def decoded(token: str) -> dict[str, Any]:
    return jwt.decode(token, settings.JWT_SECRET, ["HS256"])


def refused(call: Any, *args: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(*args)
    return error.value.code


def test_an_access_token_says_who_until_when_and_of_which_generation(alice: User) -> None:
    alice.wallet_address = "0x" + "a" * 40
    alice.save()
    claims = decoded(tokens.issue(alice)["access"])
    assert claims["sub"] == str(alice.pk)
    assert claims["walletAddress"] == "0x" + "a" * 40
    assert claims["exp"] - claims["iat"] == 3600
    assert len(claims["gen"]) == 16


def test_a_refresh_token_lives_for_fourteen_days(alice: User) -> None:
    claims = decoded(tokens.issue(alice)["refresh"])
    assert claims["exp"] - claims["iat"] == timedelta(days=14).total_seconds()
    assert claims["walletAddress"] is None


def test_a_token_of_a_former_secret_still_counts_and_of_a_forgotten_one_does_not(
    alice: User, settings: Settings
) -> None:
    old = tokens.issue(alice)["access"]
    settings.JWT_SECRETS_OLD, settings.JWT_SECRET = (
        [OTHER, settings.JWT_SECRET],
        "the-new-secret-0123456789abcdef0123456789",
    )
    assert AccessToken.parse(old).user() == alice
    assert AccessToken.parse(tokens.issue(alice)["access"]).user() == alice
    settings.JWT_SECRETS_OLD = []
    with pytest.raises(TokenError):
        AccessToken.parse(old)


def test_new_tokens_are_signed_with_the_present_secret_alone(alice: User, settings: Settings) -> None:
    settings.JWT_SECRETS_OLD = [OTHER]
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(tokens.issue(alice)["access"], OTHER, ["HS256"])


def test_every_change_of_a_password_changes_the_fingerprint(alice: User) -> None:
    before = tokens.fingerprint(alice)
    alice.set_password(PASSWORD)
    assert tokens.fingerprint(alice) != before
    alice.refresh_from_db()
    alice.token_generation += 1
    assert tokens.fingerprint(alice) != before


def test_what_is_no_password_leaves_the_fingerprint_alone(alice: User) -> None:
    before = tokens.fingerprint(alice)
    update_last_login(None, alice)  # type: ignore[arg-type]
    services.update_profile(user_id=alice.pk, display_name="Al")
    services.set_presence(user_id=alice.pk, online=True)
    assert tokens.fingerprint(User.objects.get(pk=alice.pk)) == before


def test_a_refresh_token_is_exchanged_once(alice: User) -> None:
    first = tokens.issue(alice)
    second = tokens.renew(first["refresh"])
    assert AccessToken.parse(second["access"]).user() == alice
    assert refused(tokens.renew, first["refresh"]) == "AUTH_FAILED"
    assert tokens.renew(second["refresh"])["refresh"] != second["refresh"]


@pytest.mark.django_db(transaction=True)
def test_of_many_exchanges_of_one_refresh_token_at_once_one_succeeds(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh = tokens.issue(alice)["refresh"]
    all_have_looked, look = Barrier(6), RefreshToken.check_blacklist

    def look_together(token: RefreshToken) -> None:
        look(token)
        with suppress(BrokenBarrierError):  # SQLite lets in one at a time
            all_have_looked.wait(1)

    monkeypatch.setattr(RefreshToken, "check_blacklist", look_together)
    results = at_once(*[lambda: tokens.renew(refresh)] * 6)
    assert sum(isinstance(result, dict) for result in results) == 1
    assert {error.code for error in results if isinstance(error, ClientError)} == {"AUTH_FAILED"}


def test_a_token_is_stored_nowhere(alice: User) -> None:
    refresh = tokens.issue(alice)["refresh"]
    assert not OutstandingToken.objects.exists()
    tokens.revoke(refresh)
    assert OutstandingToken.objects.get().token == ""


def test_a_changed_password_ends_every_older_refresh_token(alice: User) -> None:
    old = tokens.issue(alice)
    changed = services.change_password(user_id=alice.pk, old_password=PASSWORD, new_password="another-Secret-43")
    new = tokens.issue(changed)
    assert refused(tokens.renew, old["refresh"]) == "AUTH_FAILED"
    assert tokens.renew(new["refresh"])


def test_a_password_set_in_the_shell_ends_every_older_token_too(alice: User) -> None:
    old = tokens.issue(alice)
    alice.set_password("set-by-an-Operator-1")
    alice.save()
    assert refused(tokens.renew, old["refresh"]) == "AUTH_FAILED"


def test_logging_out_everywhere_ends_ones_own_tokens_and_nobody_elses(alice: User, bob: User) -> None:
    hers, his = tokens.issue(alice), tokens.issue(bob)
    services.log_out_everywhere(user_id=alice.pk)
    assert refused(tokens.renew, hers["refresh"]) == "AUTH_FAILED"
    assert tokens.renew(his["refresh"])


def test_a_deactivated_or_deleted_user_renews_nothing(alice: User, bob: User) -> None:
    hers, his = tokens.issue(alice), tokens.issue(bob)
    services.deactivate_user(user_id=alice.pk)
    bob.delete()
    assert refused(tokens.renew, hers["refresh"]) == "AUTH_FAILED"
    assert refused(tokens.renew, his["refresh"]) == "AUTH_FAILED"


def test_logging_out_ends_that_device_and_no_other(alice: User) -> None:
    phone, laptop = tokens.issue(alice), tokens.issue(alice)
    tokens.revoke(phone["refresh"])
    assert refused(tokens.renew, phone["refresh"]) == "AUTH_FAILED"
    assert tokens.renew(laptop["refresh"])


def test_logging_out_again_or_too_late_is_no_error(alice: User) -> None:
    token = RefreshToken.for_user(alice)
    tokens.revoke(str(token))
    tokens.revoke(str(token))
    token.set_exp(lifetime=timedelta(seconds=-1))
    tokens.revoke(str(token))


def test_an_expired_refresh_token_is_told_from_a_bad_one(alice: User) -> None:
    token = RefreshToken.for_user(alice)
    token.set_exp(lifetime=timedelta(seconds=-1))
    assert refused(tokens.renew, str(token)) == "TOKEN_EXPIRED"


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "\ud800.\ud800.\ud800", "é" * 10])
def test_what_is_no_token_neither_renews_nor_logs_out(db: None, text: str) -> None:
    assert refused(tokens.renew, text) == "AUTH_FAILED"
    assert refused(tokens.revoke, text) == "AUTH_FAILED"


def test_an_access_token_neither_renews_nor_logs_out(alice: User) -> None:
    access = tokens.issue(alice)["access"]
    assert refused(tokens.renew, access) == "AUTH_FAILED"
    assert refused(tokens.revoke, access) == "AUTH_FAILED"


def test_a_leeway_is_not_given() -> None:
    assert tokens.Keyring().get_leeway() == timedelta(0)
