"""What the database holds of people, and what it refuses."""

from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import Block, User

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

WALLET = "0xAbCdEf0123456789aBcDeF0123456789ABCDEF01"


def test_an_id_is_a_uuid_of_version_7_so_that_later_rows_sort_later(alice: User, bob: User) -> None:
    assert alice.pk.version == 7
    assert str(alice.pk) < str(bob.pk)


def test_a_name_is_the_display_name_or_else_the_username(alice: User, bob: User) -> None:
    assert (alice.name, bob.name) == ("Alice A.", "bob")
    assert (alice.get_full_name(), bob.get_short_name(), str(alice)) == ("Alice A.", "bob", "alice")


def test_two_names_that_differ_only_in_case_are_refused(alice: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(username="ALICE")


def test_somebody_is_found_by_the_name_in_any_case(alice: User) -> None:
    assert User.objects.get_by_natural_key("aLiCe") == alice
    with pytest.raises(User.DoesNotExist):
        User.objects.get_by_natural_key("nobody")
    with pytest.raises(User.DoesNotExist):
        User.objects.get_by_natural_key(None)


def test_a_wallet_address_is_kept_and_found_in_lower_case(alice: User) -> None:
    alice.wallet_address = WALLET
    alice.save()
    assert alice.wallet_address == WALLET.lower()
    assert User.objects.get(wallet_address=WALLET) == alice
    User.objects.filter(pk=alice.pk).update(wallet_address=WALLET)
    alice.refresh_from_db()
    assert alice.wallet_address == WALLET.lower()


def test_a_wallet_address_belongs_to_one_person_and_none_to_any_number(alice: User, bob: User) -> None:
    alice.wallet_address = WALLET
    alice.save()
    for person in (bob, User(username="carol")):
        person.wallet_address = ""
        person.save()
    assert User.objects.filter(wallet_address=None).count() == 2
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=bob.pk).update(wallet_address=WALLET.lower())


@pytest.mark.parametrize(
    "address", ["0x12", "abcdef0123456789abcdef0123456789abcdef0123", WALLET + "\n", WALLET[:-1] + "g"]
)
def test_what_is_no_wallet_address_is_refused(alice: User, address: str) -> None:
    alice.wallet_address = address
    with pytest.raises(ValidationError):
        alice.full_clean()


@pytest.mark.parametrize(
    "avatar", ["javascript:alert(1)", "ftp://example.com/a.png", "/a.png", "data:image/png;base64,AA"]
)
def test_an_avatar_is_a_web_address(alice: User, avatar: str) -> None:
    alice.avatar = avatar
    with pytest.raises(ValidationError):
        alice.full_clean()


def test_one_block_a_pair_and_none_against_oneself(alice: User, bob: User) -> None:
    Block.objects.create(blocker=alice, blocked=bob)
    assert str(Block.objects.get()) == "alice blocks bob"
    with pytest.raises(IntegrityError), transaction.atomic():
        Block.objects.create(blocker=alice, blocked=bob)
    with pytest.raises(IntegrityError), transaction.atomic():
        Block.objects.create(blocker=alice, blocked=alice)


def test_two_people_may_share_an_email_address(person: Callable[..., User]) -> None:
    person("one", email="us@example.com")
    person("two", email="us@example.com")
    assert User.objects.filter(email="us@example.com").count() == 2
