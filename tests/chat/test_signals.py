"""Who hears of the chat: what signals want to be sent, as lists."""

from typing import cast

import pytest

from accounts.models import User
from accounts.services import block_user
from chat import services
from chat.events import (
    ConversationCreated,
    ConversationUpdated,
    MemberAdded,
    MemberRemoved,
    MessageNew,
)
from chat.models import Conversation, Membership, Message
from chat.rooms import ConversationRoom
from chat.signals import membership_changed, message_changed
from realtime.publishing import Admit, Evict, Intent, Push
from realtime.rooms import Room, UserRoom
from realtime.signals import Change
from realtime.times import iso
from tests.chat.talk import say

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def rooms(push: Push) -> set[str]:
    named = [push.rooms] if isinstance(push.rooms, Room) else push.rooms
    return {room.address for room in named}


def test_a_message_is_told_in_its_conversation(group: Conversation, alice: User, published: list[Intent]) -> None:
    message = say(group, alice, "hello")[0]
    assert published == [Push(ConversationRoom(group.pk), MessageNew.of(message), exclude=set())]
    assert MessageNew.of(message) == MessageNew(
        id=str(message.pk),
        conversation_id=str(group.pk),
        sender_id=str(alice.pk),
        text="hello",
        position=1,
        created_at=iso(message.created_at),
        ciphertext=None,
        attachments=[],
        mentions=[],
        reply_to_id=None,
        reactions=[],
        edited_at=None,
    )


def test_a_message_is_kept_from_those_whom_a_block_parts_from_the_sender(
    group: Conversation, alice: User, bob: User, carol: User, published: list[Intent]
) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    block_user(blocker_id=bob.pk, blocked_id=alice.pk)
    block_user(blocker_id=alice.pk, blocked_id=carol.pk)
    published.clear()
    say(group, alice, "hello")
    assert [set(cast(Push, push).exclude) for push in published] == [{str(bob.pk), str(carol.pk)}]


def test_a_message_that_is_saved_again_is_not_told_again(
    group: Conversation, alice: User, published: list[Intent]
) -> None:
    message = say(group, alice, "hello")[0]
    published.clear()
    message.save()
    assert published == []
    assert list(message_changed(message, Change())) == []


def test_a_new_conversation_lets_all_in_then_tells_each(alice: User, bob: User, published: list[Intent]) -> None:
    group = services.create_conversation(creator_id=alice.pk, kind="group", title="Trip", members=[bob.pk])
    *admissions, push = published
    assert admissions == [Admit(str(user.pk), ConversationRoom(group.pk)) for user in (alice, bob)]
    assert isinstance(push, Push)
    assert rooms(push) == {f"user:{alice.pk}", f"user:{bob.pk}"}
    event = cast(ConversationCreated, push.event)
    assert (event.id, event.kind, event.title) == (str(group.pk), "group", "Trip")
    assert [(member.user_id, member.name, member.role) for member in event.members] == [
        (str(alice.pk), "Alice A.", "owner"),
        (str(bob.pk), "bob", "member"),
    ]


def test_a_direct_conversation_that_is_there_is_not_told_again(
    direct: Conversation, alice: User, bob: User, published: list[Intent]
) -> None:
    services.create_conversation(creator_id=bob.pk, kind="direct", members=[alice.pk])
    assert published == []


def test_a_new_member_is_let_in_before_anybody_is_told(
    group: Conversation, alice: User, carol: User, published: list[Intent]
) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    admission, welcome, push = published
    group.refresh_from_db()
    assert admission == Admit(str(carol.pk), ConversationRoom(group.pk))
    assert welcome == Push(UserRoom(carol.pk), ConversationCreated.of(group))  # all that she needs, for her alone
    assert isinstance(push, Push)
    assert rooms(push) == {f"conversation:{group.pk}", f"user:{carol.pk}"}
    event = cast(MemberAdded, push.event)
    assert (event.user_id, event.member.name, event.member.role) == (str(carol.pk), "carol", "member")
    assert event.version == group.version == 1


def test_a_member_who_goes_is_told_and_then_put_out(group: Conversation, bob: User, published: list[Intent]) -> None:
    services.remove_member(actor_id=bob.pk, conversation_id=group.pk, user_id=bob.pk)
    gone = MemberRemoved(conversation_id=str(group.pk), version=1, user_id=str(bob.pk))
    assert published == [
        Push([ConversationRoom(group.pk), UserRoom(bob.pk)], gone),
        Evict(str(bob.pk), ConversationRoom(group.pk)),
    ]


def test_a_changed_role_is_told_and_puts_nobody_in_or_out(
    group: Conversation, alice: User, published: list[Intent]
) -> None:
    services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=alice.pk)
    assert [type(intent) for intent in published] == [Push, Evict, Push]  # two for Alice, one for Bob, the new owner
    heir = published[-1]
    assert isinstance(heir, Push)
    assert isinstance(heir.event, ConversationUpdated)
    assert [(member.user_id, member.role) for member in heir.event.members] == [
        (str(group.memberships.get().user_id), "owner")
    ]
    assert list(membership_changed(group.memberships.get(), Change())) == []


def test_whatever_deletes_a_membership_puts_the_member_out(
    group: Conversation, direct: Conversation, bob: User, published: list[Intent]
) -> None:
    Membership.objects.filter(user=bob).delete()
    assert {intent.room.address for intent in published if isinstance(intent, Evict)} == {
        f"conversation:{group.pk}",
        f"conversation:{direct.pk}",
    }


def test_a_deleted_conversation_puts_everybody_out(
    group: Conversation, alice: User, bob: User, published: list[Intent]
) -> None:
    say(group, alice, "x")
    published.clear()
    group.delete()
    assert {intent.user for intent in published if isinstance(intent, Evict)} == {str(alice.pk), str(bob.pk)}
    assert not Message.objects.exists()


def test_a_deleted_user_leaves_every_conversation(group: Conversation, bob: User, published: list[Intent]) -> None:
    pk = str(bob.pk)
    bob.delete()
    assert [intent.user for intent in published if isinstance(intent, Evict)] == [pk]
