"""What has arrived and what was read: positions that never go back; and what is unread, counted from them."""

from itertools import pairwise
from typing import Any

import pytest
from django.db.models import F
from uuid_utils.compat import uuid7

from accounts.models import User
from accounts.services import block_user
from chat import selectors, services
from chat.models import Conversation, Membership, Message
from chat.services import receipt_given
from realtime.intents import Intent
from tests.accounts.threads import at_once
from tests.chat.talk import say

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def positions(conversation: Conversation, user: User) -> tuple[int, int]:
    """Delivered, read."""
    membership = conversation.memberships.get(user=user)
    return membership.delivered_position, membership.read_position


def unread(user: User, conversation: Conversation) -> int:
    return int(selectors.get_conversation(user.pk, conversation.pk).unread_count)  # type: ignore[attr-defined]


def read(user: User, message: Message, **more: Any) -> Message:
    return services.mark_read(user_id=user.pk, message_id=message.pk, **more)


def deliver(user: User, message: Message) -> Message:
    return services.mark_delivered(user_id=user.pk, message_id=message.pk)


def test_reading_one_reads_all_before_it_and_what_is_read_has_arrived(
    group: Conversation, alice: User, bob: User
) -> None:
    first, second, third = say(group, alice, *"abc")
    deliver(bob, first)
    assert positions(group, bob) == (1, 0)
    read(bob, second)
    assert positions(group, bob) == (2, 2)
    deliver(bob, third)
    assert positions(group, bob) == (3, 2)
    assert positions(group, alice) == (0, 0)


def test_positions_never_go_back(group: Conversation, alice: User, bob: User) -> None:
    first, second, third = say(group, alice, *"abc")
    deliver(bob, third)
    read(bob, second)
    deliver(bob, first)
    read(bob, first)
    assert positions(group, bob) == (3, 2)


def test_a_change_is_told_once_and_what_is_known_not_at_all(
    group: Conversation, alice: User, bob: User, published: list[Intent]
) -> None:
    first, second = say(group, alice, *"ab")
    published.clear()
    for act, message in ((deliver, first), (deliver, first), (read, first), (read, first), (deliver, first)):
        act(bob, message)
    assert len(published) == 2
    read(bob, second)
    deliver(bob, second)  # which reading has told
    read(bob, first)
    assert len(published) == 3


@pytest.mark.django_db(transaction=True)
def test_receipts_at_once_end_at_the_newest_and_tell_each_change_once(
    group: Conversation, alice: User, bob: User
) -> None:
    messages = say(group, alice, *"abcdef")
    told: list[tuple[str, int, int]] = []

    def listen(*, message: Message, kind: str, since: int, **_: object) -> None:
        told.append((kind, since, message.position))

    receipt_given.connect(listen)
    try:
        shuffled = [messages[number] for number in (3, 5, 0, 5, 1, 3)]
        results = at_once(*(lambda one=one: read(bob, one) for one in shuffled))
        results += at_once(*(lambda one=one: deliver(bob, one) for one in shuffled))
    finally:
        receipt_given.disconnect(listen)
    assert all(isinstance(result, Message) for result in results)
    assert positions(group, bob) == (6, 6)
    steps = sorted(told)
    assert steps[0][1] == 0
    assert [(since, position) for _, since, position in steps[1:]] == [
        (before[2], after[2]) for before, after in pairwise(steps)
    ], "each began where the one before it had ended"
    assert (steps[-1][0], steps[-1][2]) == ("read", 6)


@pytest.mark.parametrize("why", ["stranger", "blocked", "deleted", "hidden", "elsewhere", "nowhere"])
def test_who_does_not_see_a_message_gives_no_receipt(
    group: Conversation, direct: Conversation, alice: User, bob: User, carol: User, why: str
) -> None:
    message = say(group, alice, "a")[0]
    reader, more = (carol if why == "stranger" else bob), {}
    if why == "blocked":
        block_user(blocker_id=bob.pk, blocked_id=alice.pk)
    elif why in {"deleted", "hidden"}:
        services.delete_message(actor_id=(alice if why == "deleted" else bob).pk, message_id=message.pk)
    elif why == "elsewhere":
        more = {"conversation_id": direct.pk}
    elif why == "nowhere":
        message = Message(pk=uuid7())
    with pytest.raises(Message.DoesNotExist):
        read(reader, message, **more)
    if why != "elsewhere":
        with pytest.raises(Message.DoesNotExist):
            deliver(reader, message)
    assert positions(group, bob) == (0, 0)


def test_the_conversation_may_be_named_with_the_message(group: Conversation, alice: User, bob: User) -> None:
    read(bob, say(group, alice, "a")[0], conversation_id=str(group.pk))
    assert positions(group, bob) == (1, 1)


# -- unread --------------------------------------------------------------------------------------------------


def test_what_others_said_is_unread_until_it_is_read(group: Conversation, alice: User, bob: User) -> None:
    messages = say(group, alice, *"abc")
    say(group, bob, "mine")
    assert (unread(bob, group), unread(alice, group)) == (3, 1)
    deliver(bob, messages[2])
    assert unread(bob, group) == 3
    read(bob, messages[1])
    assert unread(bob, group) == 1
    read(bob, messages[2])
    assert unread(bob, group) == 0
    say(group, alice, "d")
    assert unread(bob, group) == 1


def test_deleted_hidden_and_blocked_messages_are_not_unread(
    group: Conversation, alice: User, bob: User, carol: User
) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    first, second, _ = say(group, alice, *"abc")
    say(group, carol, *"de")
    assert unread(bob, group) == 5
    services.delete_message(actor_id=alice.pk, message_id=first.pk)
    services.delete_message(actor_id=bob.pk, message_id=second.pk)
    assert unread(bob, group) == 3
    block_user(blocker_id=bob.pk, blocked_id=carol.pk)
    assert unread(bob, group) == 1


def test_conversations_are_counted_each_for_itself(
    group: Conversation, direct: Conversation, alice: User, bob: User
) -> None:
    say(group, alice, *"ab")
    read(bob, say(direct, alice, *"abc")[0])
    counts = {one.pk: one.unread_count for one in selectors.conversations_of(bob.pk)}  # type: ignore[attr-defined]
    assert counts == {group.pk: 2, direct.pk: 2}
    assert {message.conversation_id for message in selectors.unread_messages(bob.pk)} == {group.pk, direct.pk}


@pytest.mark.django_db(transaction=True)
def test_counts_are_right_after_many_wrote_and_read_at_once(group: Conversation, alice: User, bob: User) -> None:
    def write() -> None:
        for _ in range(5):
            say(group, alice, "x")

    def read_on() -> None:
        for _ in range(5):
            newest = group.messages.order_by("-position").first()
            if newest is not None:
                read(bob, newest)

    assert at_once(write, read_on, write, read_on) == [None] * 4
    assert unread(bob, group) == 10 - positions(group, bob)[1]
    assert not Membership.objects.filter(read_position__gt=F("delivered_position")).exists()


def read_in(conversation: Conversation, reader: User) -> dict[object, list[int]]:
    """The positions that each member has read, as the reader is shown them."""
    found = selectors.message_context(reader.pk, [conversation.pk])["read_positions"][conversation.pk]
    return {user: list(positions) for user, positions in found.items()}


# -- read by -------------------------------------------------------------------------------------------------


def test_how_far_the_others_have_read_is_told_across_no_block(
    group: Conversation, alice: User, bob: User, carol: User
) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    message = say(group, alice, "a")[0]
    for user in (bob, carol):
        read(user, message)
    assert read_in(group, alice) == {alice.pk: [], bob.pk: [1], carol.pk: [1]}
    block_user(blocker_id=bob.pk, blocked_id=carol.pk)
    assert read_in(group, bob).keys() == {alice.pk, bob.pk}
    assert read_in(group, carol).keys() == {alice.pk, carol.pk}
    services.remove_member(actor_id=carol.pk, conversation_id=group.pk, user_id=carol.pk)
    assert read_in(group, carol) == {}


@pytest.mark.parametrize("let_in", ["by the owner", "by staff"])
def test_what_was_said_before_somebody_joined_was_not_read_by_them(
    group: Conversation, alice: User, carol: User, let_in: str
) -> None:
    say(group, alice, *"ab")
    if let_in == "by staff":
        services.admit_member(conversation_id=group.pk, user_id=carol.pk)
    else:
        services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    assert read_in(group, alice)[carol.pk] == []
    third, _ = say(group, alice, *"cd")
    read(carol, third)
    assert read_in(group, alice)[carol.pk] == [3]
