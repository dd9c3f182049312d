"""Who hears of titles, roles and ends, whichever road they come."""

from collections.abc import Callable
from typing import cast

import pytest

from accounts.models import User
from accounts.services import deactivate_user
from chat import services
from chat.events import ConversationCreated, ConversationUpdated, MemberAdded, MemberRemoved
from chat.models import Conversation, Membership
from chat.rooms import ConversationRoom
from realtime.events import Event
from realtime.publishing import Admit, Evict, Intent, Push
from realtime.rooms import UserRoom
from tests.chat.crowds import ADMIN, OWNER, add, change, crowd, end, leave, rename
from tests.chat.talk import say

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def events(published: list[Intent]) -> list[Event]:
    return [intent.event for intent in published if isinstance(intent, Push)]


def told_roles(event: Event) -> dict[str, str]:
    return {member.name: member.role for member in cast(ConversationCreated, event).members}


def test_a_title_is_told_to_the_members_from_any_road(
    group: Conversation, alice: User, published: list[Intent]
) -> None:
    rename(alice, group, "One")
    rename(alice, group, "One")
    Conversation.objects.get(pk=group.pk).save()
    fresh = Conversation.objects.get(pk=group.pk)
    fresh.title = "Two"
    fresh.save()
    assert [cast(ConversationUpdated, event).title for event in events(published)] == ["One", "Two"]
    assert published[-1] == Push(ConversationRoom(group.pk), ConversationUpdated.of(fresh))


def test_what_is_said_is_no_change_of_the_conversation(
    group: Conversation, alice: User, published: list[Intent]
) -> None:
    say(group, alice, "x")
    assert not [event for event in events(published) if isinstance(event, ConversationUpdated)]


def test_an_event_holds_all_that_rest_shows(group: Conversation, alice: User, published: list[Intent]) -> None:
    say(group, alice, "x")
    rename(alice, group, "One")
    event = cast(ConversationUpdated, events(published)[-1])
    assert event.last_message_at is not None
    assert event.created_at < event.last_message_at
    assert [(m.user_id, m.role, bool(m.joined_at)) for m in event.members] == [
        (str(membership.user_id), membership.role, True) for membership in group.memberships.all()
    ]


def test_a_role_is_told_once(alice: User, bob: User, published: list[Intent]) -> None:
    group = crowd(alice, members=(bob,))
    published.clear()
    change(alice, group, bob, ADMIN)
    change(alice, group, bob, ADMIN)
    (event,) = events(published)
    assert told_roles(event) == {"Alice A.": "owner", "bob": "admin"}


def test_a_group_that_is_given_away_is_never_told_without_an_owner_or_with_two(
    alice: User, bob: User, published: list[Intent]
) -> None:
    group = crowd(alice, members=(bob,))
    published.clear()
    change(alice, group, bob, OWNER)
    (event,) = events(published)
    assert told_roles(event) == {"Alice A.": "admin", "bob": "owner"}


def test_a_role_from_the_shell_is_told_and_so_is_the_heir(
    alice: User, bob: User, carol: User, published: list[Intent]
) -> None:
    group = crowd(alice, members=(bob, carol))
    published.clear()
    membership = group.memberships.get(user=alice)
    membership.role = ADMIN
    membership.save()
    assert told_roles(events(published)[-1]) == {"Alice A.": "owner", "bob": "member", "carol": "member"}


def test_a_closed_account_is_told_as_no_owner(alice: User, bob: User, published: list[Intent]) -> None:
    crowd(alice, members=(bob,))
    published.clear()
    deactivate_user(user_id=alice.pk)
    (event,) = events(published)
    assert told_roles(event) == {"Alice A.": "admin", "bob": "owner"}


def test_a_new_member_gets_the_whole_conversation_and_the_others_the_new_member(
    group: Conversation, alice: User, carol: User, published: list[Intent]
) -> None:
    say(group, alice, "x")
    published.clear()
    add(alice, group, carol)
    admission, whole, added = published
    assert admission == Admit(str(carol.pk), ConversationRoom(group.pk))
    assert isinstance(whole, Push)
    assert whole.rooms == UserRoom(carol.pk)
    assert told_roles(whole.event) == {"Alice A.": "owner", "bob": "member", "carol": "member"}
    assert cast(ConversationCreated, whole.event).last_message_at is not None
    assert isinstance(added, Push)
    assert isinstance(added.event, MemberAdded)
    assert added.event.member == cast(ConversationCreated, whole.event).members[-1]


@pytest.mark.parametrize("road", ["service", "staff", "instance", "queryset"])
def test_who_is_in_a_group_that_ends_hears_of_it_once_and_then_nothing(
    alice: User, bob: User, carol: User, published: list[Intent], road: str
) -> None:
    group = crowd(alice, admins=(bob,), members=(carol,))
    say(group, alice, "x")
    published.clear()
    key = str(group.pk)
    roads: dict[str, Callable[[], object]] = {
        "service": lambda: end(alice, group),
        "staff": lambda: services.close_conversation(conversation_id=group.pk),
        "instance": lambda: Conversation.objects.get(pk=group.pk).delete(),
        "queryset": lambda: Conversation.objects.filter(pk=group.pk).delete(),
    }
    roads[road]()
    expected: list[Intent] = []
    for user in (alice, bob, carol):
        gone = MemberRemoved(conversation_id=key, version=None, user_id=str(user.pk))
        expected += [Push([UserRoom(user.pk)], gone), Evict(str(user.pk), ConversationRoom(key))]
    assert sorted(map(repr, published)) == sorted(map(repr, expected))
    for first, second in zip(published[::2], published[1::2], strict=True):  # told, and then put out
        assert isinstance(first, Push)
        assert isinstance(second, Evict)


def test_the_last_one_to_leave_is_told_as_ever(
    group: Conversation, alice: User, bob: User, published: list[Intent]
) -> None:
    leave(bob, group)
    published.clear()
    leave(alice, group)
    told, out = published
    assert isinstance(told, Push)
    assert told.event == MemberRemoved(conversation_id=str(group.pk), version=2, user_id=str(alice.pk))
    assert out == Evict(str(alice.pk), ConversationRoom(group.pk))


def test_the_heir_is_told_of_after_the_one_who_left(
    alice: User, bob: User, carol: User, published: list[Intent]
) -> None:
    group = crowd(alice, admins=(carol,), members=(bob,))
    published.clear()
    leave(alice, group)
    gone, out, heir = published
    assert isinstance(gone, Push)
    assert isinstance(gone.event, MemberRemoved)
    assert isinstance(out, Evict)
    assert isinstance(heir, Push)
    assert told_roles(heir.event) == {"bob": "member", "carol": "owner"}


def test_a_deleted_account_leaves_one_change_for_each_group_it_owned(
    alice: User, bob: User, published: list[Intent]
) -> None:
    crowd(alice, members=(bob,))
    crowd(bob, members=(alice,))
    published.clear()
    alice.delete()
    names = [type(event).__name__ for event in events(published)]
    assert sorted(names) == ["ConversationUpdated", "MemberRemoved", "MemberRemoved"]
    assert set(Membership.objects.values_list("user__username", "role")) == {("bob", "owner")}
