"""Every write of the chat."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings
from uuid_utils.compat import uuid7

from accounts.exceptions import Blocked
from accounts.models import User
from accounts.services import block_user, deactivate_user
from chat import services
from chat.models import Conversation, Membership, Message
from chat.services import messages
from realtime.errors import translate
from realtime.intents import Intent
from tests.accounts.threads import Waiter, at_once

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def roles(conversation: Conversation) -> dict[str, str]:
    """Who is in it as what."""
    return dict(conversation.memberships.values_list("user__username", "role"))


def positions(conversation: Conversation) -> list[int]:
    """Of its messages, ascending."""
    return list(conversation.messages.order_by("position").values_list("position", flat=True))


def say(sender: User, conversation: Conversation, text: str = "hi", temp_id: str | None = None) -> Message:
    return services.send_message(sender_id=sender.pk, conversation_id=conversation.pk, text=text, temp_id=temp_id)


def test_a_group_belongs_to_who_began_it(alice: User, bob: User, carol: User) -> None:
    members: list[UUID | str] = [bob.pk, str(carol.pk), bob.pk, alice.pk]
    group = services.create_conversation(creator_id=str(alice.pk), kind="group", members=members, title=" Lunch ")
    assert (group.kind, group.title, group.pair, group.created_by) == ("group", "Lunch", None, alice)
    assert roles(group) == {"alice": "owner", "bob": "member", "carol": "member"}


def test_a_person_begins_as_many_groups_with_the_same_people_as_wanted(alice: User, bob: User) -> None:
    made = {services.create_conversation(creator_id=alice.pk, kind="group", members=[bob.pk]).pk for _ in range(3)}
    assert len(made) == 3


def test_a_pair_has_one_direct_conversation_whoever_begins_it(alice: User, bob: User, carol: User) -> None:
    first = services.create_conversation(creator_id=alice.pk, kind="direct", members=[bob.pk])
    assert services.create_conversation(creator_id=bob.pk, kind="direct", members=[str(alice.pk)]) == first
    assert services.create_conversation(creator_id=alice.pk, kind="direct", members=[carol.pk]) != first
    assert set(roles(first)) == {"alice", "bob"}


@pytest.mark.django_db(transaction=True)
def test_a_pair_that_begins_at_once_gets_one_direct_conversation(alice: User, bob: User) -> None:
    pairs = [(alice, bob), (bob, alice)] * 3
    made = at_once(
        *(
            lambda a=a, b=b: services.create_conversation(creator_id=a.pk, kind="direct", members=[b.pk]).pk
            for a, b in pairs
        )
    )
    assert set(made) == {Conversation.objects.get().pk}
    assert Membership.objects.count() == 2


def test_a_direct_conversation_is_with_one_other_person(alice: User, bob: User, carol: User) -> None:
    for members in ([], [alice.pk], [bob.pk, carol.pk]):
        with pytest.raises(ValidationError) as refused:
            services.create_conversation(creator_id=alice.pk, kind="direct", members=members)
        assert list(refused.value.message_dict) == ["members"]
    assert not Conversation.objects.exists()


@pytest.mark.parametrize("kind", ["direct", "group"])
@pytest.mark.parametrize("who", ["blocked", "blocker", "deactivated", "nobody"])
def test_nobody_is_drawn_in_who_cannot_be_reached(alice: User, bob: User, kind: str, who: str) -> None:
    if who == "deactivated":
        deactivate_user(user_id=bob.pk)
    elif who in {"blocked", "blocker"}:
        blocker, blocked = (alice, bob) if who == "blocked" else (bob, alice)
        block_user(blocker_id=blocker.pk, blocked_id=blocked.pk)
    with pytest.raises(ValidationError) as refused:
        services.create_conversation(creator_id=alice.pk, kind=kind, members=[uuid7() if who == "nobody" else bob.pk])
    assert list(refused.value.message_dict) == ["members"]
    assert not Conversation.objects.exists()


@pytest.mark.parametrize(("field", "more"), [("kind", {"kind": "crowd"}), ("title", {"title": "a" * 201})])
def test_a_bad_field_begins_nothing(alice: User, bob: User, field: str, more: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"creator_id": alice.pk, "kind": "group", "members": [bob.pk]}
    with pytest.raises(ValidationError) as refused:
        services.create_conversation(**(asked | more))
    assert list(refused.value.message_dict) == [field]
    assert not Conversation.objects.exists()


def test_a_group_has_as_many_members_as_the_setting_says(
    settings: Settings, alice: User, bob: User, carol: User, person: Callable[..., User]
) -> None:
    settings.CHAT_MAX_MEMBERS = 3
    dora = person("dora")
    with pytest.raises(ValidationError):
        services.create_conversation(creator_id=alice.pk, kind="group", members=[bob.pk, carol.pk, dora.pk])
    group = services.create_conversation(creator_id=alice.pk, kind="group", members=[bob.pk, carol.pk, alice.pk])
    with pytest.raises(ValidationError):
        services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=dora.pk)
    services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=bob.pk)
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=dora.pk)
    assert set(roles(group)) == {"alice", "carol", "dora"}


@pytest.mark.django_db(transaction=True)
def test_the_last_place_in_a_group_is_given_once(
    settings: Settings, group: Conversation, alice: User, person: Callable[..., User]
) -> None:
    settings.CHAT_MAX_MEMBERS = 3
    results = at_once(
        *(
            lambda user=user: services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=user.pk)
            for user in (person("dora"), person("emil"), person("fred"))
        )
    )
    assert sum(isinstance(result, ValidationError) for result in results) == 2
    assert group.memberships.count() == 3


def test_the_owner_lets_people_in_once(group: Conversation, alice: User, carol: User) -> None:
    first = services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    assert first.role == "member"
    assert services.add_member(actor_id=alice.pk, conversation_id=str(group.pk), user_id=str(carol.pk)) == first
    assert roles(group) == {"alice": "owner", "bob": "member", "carol": "member"}


def test_adding_a_member_again_to_a_full_group_gives_the_same_membership(
    settings: Settings, group: Conversation, alice: User, bob: User
) -> None:
    settings.CHAT_MAX_MEMBERS = 2
    again = services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=bob.pk)
    assert again == group.memberships.get(user=bob)


def test_neither_a_member_nor_a_stranger_lets_anybody_in(group: Conversation, bob: User, carol: User) -> None:
    with pytest.raises(PermissionDenied):
        services.add_member(actor_id=bob.pk, conversation_id=group.pk, user_id=carol.pk)
    with pytest.raises(Conversation.DoesNotExist):
        services.add_member(actor_id=carol.pk, conversation_id=group.pk, user_id=carol.pk)
    assert set(roles(group)) == {"alice", "bob"}


def test_the_owner_lets_in_whom_the_owner_can_reach_alone(group: Conversation, alice: User, carol: User) -> None:
    block_user(blocker_id=carol.pk, blocked_id=alice.pk)
    for user_id in (carol.pk, uuid7()):
        with pytest.raises(User.DoesNotExist):
            services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=user_id)


def test_a_direct_conversation_stays_one_of_two(direct: Conversation, alice: User, bob: User, carol: User) -> None:
    with pytest.raises(ValidationError):
        services.add_member(actor_id=alice.pk, conversation_id=direct.pk, user_id=carol.pk)
    for user in (alice, bob):
        with pytest.raises(ValidationError):
            services.remove_member(actor_id=alice.pk, conversation_id=direct.pk, user_id=user.pk)
    assert set(roles(direct)) == {"alice", "bob"}


def test_the_owner_takes_a_member_out_who_then_may_nothing(group: Conversation, alice: User, bob: User) -> None:
    say(bob, group)
    services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=str(bob.pk))
    assert roles(group) == {"alice": "owner"}
    with pytest.raises(Conversation.DoesNotExist):
        say(bob, group)
    with pytest.raises(Conversation.DoesNotExist):
        services.remove_member(actor_id=bob.pk, conversation_id=group.pk, user_id=bob.pk)
    with pytest.raises(Membership.DoesNotExist):
        services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=bob.pk)


def test_a_member_takes_nobody_out_but_leaves(group: Conversation, alice: User, bob: User, carol: User) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    with pytest.raises(PermissionDenied):
        services.remove_member(actor_id=bob.pk, conversation_id=group.pk, user_id=carol.pk)
    services.remove_member(actor_id=bob.pk, conversation_id=group.pk, user_id=str(bob.pk))
    assert roles(group) == {"alice": "owner", "carol": "member"}


def test_a_stranger_takes_nobody_out(group: Conversation, bob: User, carol: User) -> None:
    for user in (bob, carol):
        with pytest.raises(Conversation.DoesNotExist):
            services.remove_member(actor_id=carol.pk, conversation_id=group.pk, user_id=user.pk)
    assert set(roles(group)) == {"alice", "bob"}


def test_a_group_that_its_owner_left_belongs_to_its_oldest_member(
    group: Conversation, alice: User, bob: User, carol: User
) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=alice.pk)
    assert roles(group) == {"bob": "owner", "carol": "member"}
    services.remove_member(actor_id=bob.pk, conversation_id=group.pk, user_id=carol.pk)
    services.remove_member(actor_id=bob.pk, conversation_id=group.pk, user_id=bob.pk)
    assert roles(group) == {}


@pytest.mark.django_db(transaction=True)
def test_a_group_that_all_but_one_leave_at_once_has_an_owner(
    group: Conversation, alice: User, bob: User, carol: User
) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    at_once(
        *(
            lambda user=user: services.remove_member(actor_id=user.pk, conversation_id=group.pk, user_id=user.pk)
            for user in (alice, bob)
        )
    )
    assert roles(group) == {"carol": "owner"}


def test_what_a_member_says_is_kept_as_it_was_said(group: Conversation, alice: User, bob: User) -> None:
    first, second = say(bob, group, "  <b>hé\n\U0001f600 "), say(alice, group, "yes")
    first.refresh_from_db()
    assert (first.text, first.sender, first.temp_id) == ("  <b>hé\n\U0001f600 ", bob, None)
    assert (first.position, second.position) == (1, 2)
    group.refresh_from_db()
    assert group.last_position == 2
    assert group.last_message_at is not None


def test_the_last_message_of_a_conversation_is_as_old_as_the_message(group: Conversation, bob: User) -> None:
    message = services.send_message(sender_id=bob.pk, conversation_id=group.pk, text="hello")
    group.refresh_from_db()
    assert group.last_message_at == message.created_at


def test_neither_a_stranger_nor_anybody_where_nothing_is_says_something(group: Conversation, carol: User) -> None:
    for conversation in (group.pk, uuid7()):
        with pytest.raises(Conversation.DoesNotExist):
            services.send_message(sender_id=carol.pk, conversation_id=conversation, text="hi")
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "INVALID_PAYLOAD"),
        (" \n\t", "INVALID_PAYLOAD"),
        ("a\x00b", "INVALID_PAYLOAD"),
        ("a" * 11, "PAYLOAD_TOO_LARGE"),
        (" " * 11, "PAYLOAD_TOO_LARGE"),
    ],
)
def test_a_bad_text_is_not_said(settings: Settings, group: Conversation, bob: User, text: str, code: str) -> None:
    settings.CHAT_MAX_TEXT = 10
    with pytest.raises(ValidationError) as refused:
        say(bob, group, text)
    assert translate(refused.value).code == code
    say(bob, group, "\U0001f600" * 10)
    assert positions(group) == [1]


@pytest.mark.parametrize("by_the_other", [False, True])
def test_a_block_ends_a_direct_conversation_for_both(
    direct: Conversation, alice: User, bob: User, by_the_other: bool
) -> None:
    blocker, blocked = (bob, alice) if by_the_other else (alice, bob)
    block_user(blocker_id=blocker.pk, blocked_id=blocked.pk)
    for sender in (alice, bob):
        with pytest.raises(Blocked):
            say(sender, direct)
    assert not Message.objects.exists()


def test_a_block_keeps_nobody_from_talking_in_a_group(group: Conversation, alice: User, bob: User) -> None:
    block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    assert say(bob, group).position == 1
    assert say(alice, group).position == 2


def test_a_conversation_whose_other_person_is_gone_goes_on(direct: Conversation, alice: User, bob: User) -> None:
    bob.delete()
    assert say(alice, direct).position == 1


def test_the_same_temporary_id_says_nothing_new(group: Conversation, alice: User, bob: User) -> None:
    first = say(bob, group, "one", "t1")
    again = say(bob, group, "two", "t1")
    assert (again, again.text) == (first, "one")
    assert say(alice, group, "three", "t1").position == 2
    assert say(bob, group, "four", "t2").position == 3
    group.refresh_from_db()
    assert group.last_position == 3


@pytest.mark.parametrize("temp_id", [None, ""])
def test_without_a_temporary_id_each_message_is_a_new_one(group: Conversation, bob: User, temp_id: str | None) -> None:
    assert [say(bob, group, temp_id=temp_id).position for _ in range(2)] == [1, 2]


def test_a_temporary_id_from_another_conversation_says_nothing_new(
    group: Conversation, direct: Conversation, bob: User
) -> None:
    first = say(bob, group, "one", "t1")
    assert say(bob, direct, "one", "t1") == first
    assert positions(direct) == []


def test_a_message_is_repeated_after_a_block_but_no_new_one_is_said(
    direct: Conversation, alice: User, bob: User
) -> None:
    first = say(bob, direct, "one", "t1")
    block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    assert say(bob, direct, "one", "t1") == first
    with pytest.raises(Blocked):
        say(bob, direct, "two", "t2")


def test_who_was_removed_does_not_get_a_message_by_its_temporary_id(
    group: Conversation, alice: User, bob: User
) -> None:
    say(bob, group, "one", "t1")
    services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=bob.pk)
    with pytest.raises(Conversation.DoesNotExist):
        say(bob, group, "one", "t1")


@pytest.mark.django_db(transaction=True)
def test_one_temporary_id_many_times_at_once_is_one_message(group: Conversation, bob: User) -> None:
    said = at_once(*[lambda: say(bob, group, "one", "t1").pk] * 6)
    assert set(said) == {Message.objects.get().pk}
    group.refresh_from_db()
    assert group.last_position == 1


@pytest.mark.django_db(transaction=True)
def test_one_temporary_id_in_two_conversations_at_once_is_one_message(
    group: Conversation, direct: Conversation, bob: User
) -> None:
    said = at_once(*(lambda to=to: say(bob, to, "one", "t1").pk for to in [group, direct] * 3))
    assert set(said) == {Message.objects.get().pk}


def test_a_message_that_another_conversation_forestalled_leaves_no_gap(
    monkeypatch: pytest.MonkeyPatch, group: Conversation, direct: Conversation, bob: User
) -> None:
    first, seen, find = say(bob, group, "one", "t1"), [], messages._sent

    def late(*args: Any) -> Message | None:
        seen.append(args)
        return find(*args) if len(seen) > 1 else None

    monkeypatch.setattr(messages, "_sent", late)
    assert say(bob, direct, "one", "t1") == first
    direct.refresh_from_db()
    assert (direct.last_position, direct.last_message_at) == (0, None)
    assert say(bob, direct, "two").position == 1


def test_an_integrity_error_that_is_not_about_the_temporary_id_is_not_taken_for_one(
    group: Conversation, bob: User
) -> None:
    say(bob, group)
    Conversation.objects.update(last_position=0)
    for temp_id in (None, "t1"):
        with pytest.raises(IntegrityError), transaction.atomic():
            say(bob, group, temp_id=temp_id)
    assert positions(group) == [1]


@pytest.mark.django_db(transaction=True)
def test_positions_have_no_gaps_when_many_talk_at_once(group: Conversation, alice: User, bob: User) -> None:
    def talk(sender: User) -> None:
        for number in range(5):
            say(sender, group, str(number))

    assert at_once(*(lambda sender=sender: talk(sender) for sender in [alice, bob] * 3)) == [None] * 6
    assert positions(group) == list(range(1, 31))
    group.refresh_from_db()
    assert group.last_position == 30


@pytest.mark.django_db(transaction=True)
def test_who_is_refused_leaves_no_gap(group: Conversation, alice: User, bob: User, carol: User) -> None:
    calls = [(alice, "hi"), (carol, "hi"), (bob, " "), (bob, "hi"), (alice, "a\x00b"), (alice, "hi")]
    results = at_once(*(lambda who=who, text=text: say(who, group, text) for who, text in calls))
    assert sum(isinstance(result, Message) for result in results) == 3
    assert positions(group) == [1, 2, 3]


@pytest.mark.django_db(transaction=True)
def test_who_is_removed_while_waiting_to_speak_says_nothing(group: Conversation, alice: User, bob: User) -> None:
    with transaction.atomic():
        services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=bob.pk)
        speaking = Waiter(lambda: say(bob, group))
    assert isinstance(speaking.result(), Conversation.DoesNotExist)


def test_what_is_rolled_back_is_told_to_nobody(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, group: Conversation, bob: User
) -> None:
    def fail() -> None:
        with transaction.atomic():
            say(bob, group)
            raise ZeroDivisionError

    with django_capture_on_commit_callbacks() as told, pytest.raises(ZeroDivisionError):
        fail()
    assert positions(group) == []
    assert told == []


def test_what_is_said_is_told_once_however_often_it_is_sent(
    published: list[Intent], group: Conversation, bob: User
) -> None:
    published.clear()
    for _ in range(3):
        say(bob, group, "one", "t1")
    assert len(published) == 1


def test_nothing_is_left_of_a_deleted_conversation(group: Conversation, bob: User) -> None:
    say(bob, group)
    group.delete()
    assert not Message.objects.exists()
    assert not Membership.objects.exists()
