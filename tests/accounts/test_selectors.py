"""Who sees whom."""

from collections.abc import Callable

import pytest

from accounts import selectors, services
from accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def carol(person: Callable[..., User]) -> User:
    return person("carol", display_name="Carol of 100%")


@pytest.mark.parametrize(
    ("search", "found"), [("AL", {"alice"}), ("alice a", {"alice"}), ("%", {"carol"}), ("zzz", set())]
)
def test_people_are_found_by_a_part_of_either_name(
    alice: User, bob: User, carol: User, search: str, found: set[str]
) -> None:
    assert {user.username for user in selectors.visible_users(bob.pk, search)} == found


def test_a_block_hides_two_people_from_each_other_and_from_nobody_else(alice: User, bob: User, carol: User) -> None:
    services.block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    assert set(selectors.visible_users(alice.pk)) == {alice, carol}
    assert set(selectors.visible_users(bob.pk)) == {bob, carol}
    assert set(selectors.visible_users(carol.pk)) == {alice, bob, carol}


def test_a_single_user_is_shown_to_whom_no_block_keeps_from_it(alice: User, bob: User, carol: User) -> None:
    services.block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    assert selectors.get_user(carol.pk, str(bob.pk)) == bob
    for reader, other in ((alice, bob), (bob, alice)):
        with pytest.raises(User.DoesNotExist):
            selectors.get_user(reader.pk, other.pk)


def test_a_deactivated_user_is_seen_by_nobody(alice: User, bob: User) -> None:
    services.deactivate_user(user_id=bob.pk)
    assert set(selectors.visible_users(alice.pk)) == {alice}
    with pytest.raises(User.DoesNotExist):
        selectors.get_self(bob.pk)
    assert selectors.get_self(alice.pk) == alice


def test_blocked_pairs_holds_both_directions(alice: User, bob: User, carol: User) -> None:
    services.block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    services.block_user(blocker_id=carol.pk, blocked_id=alice.pk)
    assert selectors.blocked_pairs(str(alice.pk)) == {str(bob.pk), str(carol.pk)}
    assert selectors.blocked_pairs(bob.pk) == {str(alice.pk)}
    assert selectors.are_blocked(alice.pk, carol.pk)
    assert selectors.are_blocked(carol.pk, alice.pk)
    assert not selectors.are_blocked(bob.pk, carol.pk)


def test_only_ones_own_blocks_are_listed(alice: User, bob: User) -> None:
    block = services.block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    assert list(selectors.blocks_of(alice.pk)) == [block]
    assert list(selectors.blocks_of(bob.pk)) == []
