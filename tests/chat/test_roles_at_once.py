"""People of one group do things at the same moment: nothing gets stuck, and there is one owner all the time."""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.db import transaction
from pytest_django import Settings

from accounts.models import User
from accounts.services import deactivate_user, update_account
from chat import services
from chat.models import Conversation, Membership
from tests.accounts.threads import Waiter, at_once
from tests.chat.crowds import ADMIN, MEMBER, OWNER, add, change, crowd, end, leave, remove, rename, roles
from tests.chat.talk import say

pytestmark = pytest.mark.django_db(transaction=True)
Person = Callable[..., User]
REFUSALS = (PermissionDenied, ValidationError, ObjectDoesNotExist)


@pytest.fixture
def people(alice: User, bob: User, carol: User, person: Person) -> list[User]:
    """Six, of whom Alice is the first."""
    return [alice, bob, carol, *(person(name) for name in ("dora", "emil", "fred"))]


def outcomes(*calls: Callable[[], Any]) -> list[Any]:
    """Each one's result or refusal; any other error is one of the test."""
    results = at_once(*calls)
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, REFUSALS):
            raise result
    return results


def owners(group: Conversation) -> int:
    return group.memberships.filter(role=OWNER).count()


@pytest.mark.parametrize("turn", range(5))
def test_two_admins_who_remove_a_member_at_once_remove_them_once(people: list[User], turn: int) -> None:
    alice, bob, carol, dora, *_ = people
    group = crowd(alice, admins=(bob, carol), members=(dora,))
    results = outcomes(lambda: remove(bob, group, dora), lambda: remove(carol, group, dora))
    assert sorted(map(type, results), key=str) == sorted([type(None), Membership.DoesNotExist], key=str)
    assert roles(group) == {"alice": OWNER, "bob": ADMIN, "carol": ADMIN}


@pytest.mark.parametrize("turn", range(5))
def test_an_admin_who_is_just_being_removed_may_or_may_not_but_nothing_in_between(
    people: list[User], turn: int
) -> None:
    alice, bob, _, dora, emil, _ = people
    group = crowd(alice, admins=(bob,), members=(dora,))
    gone, taken, added = outcomes(
        lambda: remove(alice, group, bob), lambda: remove(bob, group, dora), lambda: add(bob, group, emil)
    )
    assert gone is None
    assert "bob" not in roles(group)
    assert ("dora" in roles(group)) == isinstance(taken, Conversation.DoesNotExist)
    assert ("emil" in roles(group)) == isinstance(added, Membership)


@pytest.mark.parametrize("turn", range(5))
def test_an_owner_who_leaves_while_promoting_leaves_one_owner(people: list[User], turn: int) -> None:
    alice, bob, carol, *_ = people
    group = crowd(alice, members=(bob, carol))
    left, promoted = outcomes(lambda: leave(alice, group), lambda: change(alice, group, carol, OWNER))
    assert left is None
    heir = "bob" if isinstance(promoted, Exception) else "carol"
    assert {name for name, role in roles(group).items() if role == OWNER} == {heir}


@pytest.mark.parametrize("turn", range(3))
def test_a_group_given_to_two_at_once_is_given_to_one(people: list[User], turn: int) -> None:
    alice, bob, carol, *_ = people
    group = crowd(alice, members=(bob, carol))
    results = outcomes(*(lambda user=user: change(alice, group, user, OWNER) for user in (bob, carol)))
    assert sum(isinstance(result, PermissionDenied) for result in results) == 1
    assert sorted(roles(group).values()) == [ADMIN, MEMBER, OWNER]


@pytest.mark.parametrize("turn", range(3))
def test_adding_and_removing_the_same_person_at_once_leaves_them_in_or_out(people: list[User], turn: int) -> None:
    alice, bob, carol, *_ = people
    group = crowd(alice, admins=(bob,), members=(carol,))
    outcomes(*[lambda: add(bob, group, carol), lambda: remove(alice, group, carol)] * 3)
    assert group.memberships.filter(user=carol).count() <= 1
    assert owners(group) == 1


def test_all_who_leave_at_once_end_the_group(people: list[User]) -> None:
    group = crowd(people[0], admins=tuple(people[1:3]), members=tuple(people[3:]))
    assert outcomes(*(lambda user=user: leave(user, group) for user in people)) == [None] * 6
    assert not Conversation.objects.exists()


def test_a_group_that_ends_while_people_act_ends_for_all(people: list[User]) -> None:
    alice, bob, carol, dora, emil, fred = people
    group = crowd(alice, admins=(bob,), members=(carol, dora, emil))
    results = outcomes(
        lambda: end(alice, group),
        lambda: add(bob, group, fred),
        lambda: leave(carol, group),
        lambda: rename(bob, group),
        lambda: say(group, dora, "x"),
        lambda: services.set_preferences(user_id=emil.pk, conversation_id=group.pk, pinned=True),
    )
    assert results[0] is None
    assert not Conversation.objects.exists()
    assert not Membership.objects.exists()


def test_many_admins_fill_a_group_no_further_than_it_goes(
    settings: Settings, people: list[User], person: Person
) -> None:
    settings.CHAT_MAX_MEMBERS = 5
    alice, bob, carol, *_ = people
    group = crowd(alice, admins=(bob, carol))
    guests = [person(f"guest{number}") for number in range(6)]
    actors = [alice, bob, carol] * 2
    results = outcomes(
        *(
            lambda actor=actor, guest=guest: add(actor, group, guest)
            for actor, guest in zip(actors, guests, strict=True)
        )
    )
    assert sum(isinstance(result, ValidationError) for result in results) == 4
    assert group.memberships.count() == 5


def test_accounts_that_are_closed_and_deleted_while_people_leave_leave_an_owner(people: list[User]) -> None:
    alice, bob, carol, dora, emil, fred = people
    groups = [crowd(alice, admins=(bob, carol), members=(dora, emil, fred)) for _ in range(3)]
    outcomes(
        lambda: deactivate_user(user_id=alice.pk),
        lambda: update_account(user_id=bob.pk, changes={"is_active": False}),
        carol.delete,
        *(lambda group=group: leave(dora, group) for group in groups),
    )
    for group in groups:
        assert set(roles(group)) == {"alice", "bob", "emil", "fred"}
        assert roles(group)["emil"] == OWNER  # the first of those who are there


def test_the_shell_and_the_services_wait_for_each_other(people: list[User]) -> None:
    alice, bob, carol, dora, emil, fred = people
    group = crowd(alice, admins=(bob,), members=(carol, dora))
    outcomes(
        lambda: Membership.objects.filter(conversation=group, user=alice).delete(),
        lambda: Membership.objects.get(conversation=group, user=bob).delete(),
        lambda: Membership.objects.create(conversation=group, user=emil),
        lambda: Membership.objects.create(conversation=group, user=fred),
        lambda: remove(alice, group, carol),
        lambda: leave(dora, group),
    )
    assert {"emil", "fred"} <= set(roles(group)) <= {"carol", "emil", "fred"}
    assert owners(group) == 1


@pytest.mark.parametrize("seed", range(4))
def test_whatever_many_do_at_once_there_is_one_owner(people: list[User], seed: int) -> None:
    group = crowd(people[0], admins=tuple(people[1:3]), members=tuple(people[3:5]))

    def act(number: int) -> None:
        own = Random(f"{seed}-{number}")
        for _ in range(12):
            actor, user = own.choice(people), own.choice(people)
            role = own.choice([OWNER, ADMIN, MEMBER])
            deeds: list[Callable[[], object]] = [
                partial(add, actor, group, user),
                partial(remove, actor, group, user),
                partial(leave, actor, group),
                partial(change, actor, group, user, role),
                partial(rename, actor, group),
            ]
            try:
                own.choice(deeds)()
            except REFUSALS:
                continue

    outcomes(*(lambda number=number: act(number) for number in range(6)))
    if Conversation.objects.filter(pk=group.pk).exists():
        assert owners(group) == 1
    else:
        assert not Membership.objects.exists()


def test_who_is_about_to_inherit_a_group_and_closes_the_account_does_not_keep_it(people: list[User]) -> None:
    alice, bob, carol, *_ = people
    group = crowd(alice, members=(bob, carol))
    with transaction.atomic():
        leave(alice, group)  # bob inherits
        closing = Waiter(lambda: deactivate_user(user_id=bob.pk))
    assert isinstance(closing.result(), User)
    assert roles(group) == {"bob": ADMIN, "carol": OWNER}


def test_who_is_just_closing_the_account_inherits_nothing(people: list[User]) -> None:
    alice, bob, carol, *_ = people
    group = crowd(alice, members=(bob, carol))
    with transaction.atomic():
        deactivate_user(user_id=bob.pk)
        leaving = Waiter(lambda: leave(alice, group))
    assert leaving.result() is None
    assert roles(group) == {"bob": MEMBER, "carol": OWNER}


def test_who_is_given_a_group_and_closes_the_account_hands_it_on(people: list[User]) -> None:
    alice, bob, *_ = people
    group = crowd(alice, members=(bob,))
    with transaction.atomic():
        change(alice, group, bob, OWNER)
        closing = Waiter(lambda: deactivate_user(user_id=bob.pk))
    assert isinstance(closing.result(), User)
    assert roles(group) == {"alice": OWNER, "bob": ADMIN}


def test_who_begins_a_group_and_closes_the_account_hands_it_over(people: list[User]) -> None:
    alice, bob, *_ = people
    with transaction.atomic():
        group = crowd(alice, members=(bob,))
        closing = Waiter(lambda: deactivate_user(user_id=alice.pk))
    assert isinstance(closing.result(), User)
    assert roles(group) == {"alice": ADMIN, "bob": OWNER}
    with pytest.raises(User.DoesNotExist):
        crowd(alice, members=(bob,))


@pytest.mark.parametrize("turn", range(3))
def test_many_pairs_that_begin_at_once_have_one_conversation_each(people: list[User], turn: int) -> None:
    alice, bob, carol, *_ = people
    wishes = [(alice, bob), (bob, alice), (alice, carol), (carol, alice), (bob, carol), (carol, bob)]
    made = outcomes(
        *(
            lambda a=a, b=b: services.create_conversation(creator_id=a.pk, kind="direct", members=[b.pk]).pk
            for a, b in wishes
        )
    )
    assert made[0::2] == made[1::2]
    assert len(set(made)) == Conversation.objects.count() == 3
    assert Membership.objects.count() == 6
    assert Membership.objects.filter(role=OWNER).count() == 3
