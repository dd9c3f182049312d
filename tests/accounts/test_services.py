"""Every write of accounts."""

from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError
from pytest_django import Settings
from uuid_utils.compat import uuid7

from accounts import services, tokens
from accounts.exceptions import Blocked, TooManyBlocks, WrongCredentials
from accounts.models import Block, User
from realtime.errors import translate
from tests.accounts.threads import at_once
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
NEXT = "another-Secret-43"


def test_registering_makes_an_account_that_can_log_in(alice: User) -> None:
    assert (alice.email, alice.display_name, alice.is_staff) == ("alice@example.com", "Alice A.", False)
    assert services.log_in(username="ALICE", password=PASSWORD) == alice
    alice.refresh_from_db()
    assert alice.last_login is not None


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("username", {"username": ""}),
        ("username", {"username": "with space"}),
        ("username", {"username": "ünïcode"}),
        ("username", {"username": "a" * 151}),
        ("email", {"email": "no-address"}),
        ("display_name", {"display_name": "a" * 101}),
        ("password", {"password": "12345678"}),
        ("password", {"password": "carol"}),
    ],
)
def test_a_registration_with_a_bad_field_is_refused(field: str, more: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as refused:
        services.register_user(**({"username": "carol", "password": PASSWORD} | more))
    assert list(refused.value.message_dict) == [field]
    assert not User.objects.exists()


def test_a_taken_name_is_a_conflict_in_any_case(alice: User, person: Callable[..., User]) -> None:
    with pytest.raises(ValidationError) as refused:
        person("Alice")
    assert translate(refused.value).code == "CONFLICT"


def test_an_integrity_error_that_is_not_about_the_name_is_not_taken_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise IntegrityError

    monkeypatch.setattr(User, "save", fail)
    with pytest.raises(IntegrityError):
        services.register_user(username="carol", password=PASSWORD)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_register_one_name_at_once_one_gets_it() -> None:
    results = at_once(
        *(
            lambda name=name: services.register_user(username=name, password=PASSWORD)
            for name in ("dora", "Dora", "DORA")
        )
    )
    refused = [result for result in results if isinstance(result, ValidationError)]
    assert [translate(error).code for error in refused] == ["CONFLICT", "CONFLICT"]
    assert User.objects.count() == 1


@pytest.mark.parametrize(("username", "password"), [("alice", "wrong"), ("nobody", PASSWORD), ("", "")])
def test_a_wrong_name_or_password_is_refused_alike(alice: User, username: str, password: str) -> None:
    with pytest.raises(WrongCredentials) as refused:
        services.log_in(username=username, password=password)
    assert translate(refused.value).body() == {"code": "AUTH_FAILED", "message": "Authentication failed"}


def test_a_deactivated_user_cannot_log_in(alice: User) -> None:
    services.deactivate_user(user_id=alice.pk)
    with pytest.raises(WrongCredentials):
        services.log_in(username="alice", password=PASSWORD)


def test_a_password_is_changed_by_who_knows_the_present_one(alice: User) -> None:
    changed = services.change_password(user_id=alice.pk, old_password=PASSWORD, new_password=NEXT)
    assert changed.check_password(NEXT)
    assert services.log_in(username="alice", password=NEXT) == alice


@pytest.mark.parametrize(
    ("old", "new", "field"), [("wrong", NEXT, "old_password"), (PASSWORD, "12345678", "new_password")]
)
def test_a_password_is_not_changed_otherwise(alice: User, old: str, new: str, field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        services.change_password(user_id=alice.pk, old_password=old, new_password=new)
    assert list(refused.value.message_dict) == [field]
    assert services.log_in(username="alice", password=PASSWORD) == alice


@pytest.mark.django_db(transaction=True)
def test_of_two_changes_of_a_password_at_once_one_counts(alice: User) -> None:
    results = at_once(
        *(
            lambda new=new: services.change_password(user_id=alice.pk, old_password=PASSWORD, new_password=new)
            for new in ("first-Secret-1", "second-Secret-2")
        )
    )
    winners = [result for result in results if isinstance(result, User)]
    assert len(winners) == 1
    alice.refresh_from_db()
    assert alice.password == winners[0].password


@pytest.mark.django_db(transaction=True)
def test_no_log_out_everywhere_is_lost_among_many(alice: User) -> None:
    at_once(*[lambda: services.log_out_everywhere(user_id=alice.pk)] * 5)
    alice.refresh_from_db()
    assert alice.token_generation == 5


def test_a_profile_changes_where_something_is_given(alice: User) -> None:
    services.update_profile(
        user_id=alice.pk, display_name="Al", avatar="https://example.com/a.png", mail_messages=False
    )
    alice.refresh_from_db()
    assert (alice.display_name, alice.avatar, alice.mail_messages) == ("Al", "https://example.com/a.png", False)
    assert alice.email == "alice@example.com"


def test_a_bad_profile_changes_nothing(alice: User) -> None:
    with pytest.raises(ValidationError):
        services.update_profile(user_id=alice.pk, display_name="Al", avatar="javascript:alert(1)")
    alice.refresh_from_db()
    assert alice.display_name == "Alice A."


def test_a_profile_does_not_undo_what_happened_meanwhile(alice: User) -> None:
    services.log_out_everywhere(user_id=alice.pk)
    services.update_profile(user_id=alice.pk, display_name="Al")
    alice.refresh_from_db()
    assert alice.token_generation == 1


def test_an_account_that_is_opened_again_has_no_old_tokens(alice: User) -> None:
    old = tokens.issue(alice)["refresh"]
    services.deactivate_user(user_id=alice.pk)
    services.update_account(user_id=alice.pk, changes={"is_active": True})
    with pytest.raises(Exception, match="Authentication failed"):
        tokens.renew(old)


def test_presence_is_noted_with_its_time(alice: User) -> None:
    services.set_presence(user_id=str(alice.pk), online=True)
    alice.refresh_from_db()
    assert alice.is_online
    assert alice.last_seen_at is not None
    services.set_presence(user_id=str(alice.pk), online=False)
    alice.refresh_from_db()
    assert not alice.is_online


def test_presence_of_a_deleted_user_is_no_error() -> None:
    services.set_presence(user_id=uuid7(), online=False)


def test_blocking_twice_is_one_block(alice: User, bob: User) -> None:
    first = services.block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    assert services.block_user(blocker_id=str(alice.pk), blocked_id=str(bob.pk)) == first


def test_nobody_blocks_themselves_or_somebody_who_is_not(alice: User) -> None:
    with pytest.raises(ValidationError):
        services.block_user(blocker_id=alice.pk, blocked_id=str(alice.pk))
    with pytest.raises(User.DoesNotExist):
        services.block_user(blocker_id=alice.pk, blocked_id=uuid7())


@pytest.mark.django_db(transaction=True)
def test_blocking_at_once_is_one_block(alice: User, bob: User) -> None:
    results = at_once(*[lambda: services.block_user(blocker_id=alice.pk, blocked_id=bob.pk).pk] * 5)
    assert set(results) == {Block.objects.get().pk}


def test_a_user_blocks_as_many_as_the_setting_says(
    settings: Settings, alice: User, bob: User, person: Callable[..., User]
) -> None:
    settings.ACCOUNTS_MAX_BLOCKS = 1
    first = services.block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    with pytest.raises(TooManyBlocks) as refused:
        services.block_user(blocker_id=alice.pk, blocked_id=person("carol").pk)
    assert translate(refused.value).code == "CONFLICT"
    assert services.block_user(blocker_id=alice.pk, blocked_id=bob.pk) == first
    services.block_user(blocker_id=bob.pk, blocked_id=alice.pk)  # everybody has a number of their own


@pytest.mark.django_db(transaction=True)
def test_the_last_block_is_made_once(settings: Settings, alice: User, person: Callable[..., User]) -> None:
    settings.ACCOUNTS_MAX_BLOCKS = 1
    others = [person(f"other{number}").pk for number in range(4)]
    results = at_once(*(lambda pk=pk: services.block_user(blocker_id=alice.pk, blocked_id=pk) for pk in others))
    assert sorted(type(one).__name__ for one in results) == ["Block", *["TooManyBlocks"] * 3]


def test_a_block_is_taken_back_by_who_made_it_alone(alice: User, bob: User) -> None:
    services.block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    with pytest.raises(Block.DoesNotExist):
        services.unblock_user(blocker_id=bob.pk, blocked_id=alice.pk)
    services.unblock_user(blocker_id=alice.pk, blocked_id=bob.pk)
    assert not Block.objects.exists()


def test_blocked_is_told_under_its_own_code() -> None:
    assert issubclass(Blocked, PermissionDenied)
    assert translate(Blocked()).code == "BLOCKED"
