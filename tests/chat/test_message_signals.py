"""Who hears of messages that are said, changed, reacted to and read, as lists of what wants to be sent."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from accounts.models import User
from accounts.services import block_user
from chat import services
from chat.events import MessageDeleted, MessageEdited, MessageNew, MessageReaction, MessageReceipt
from chat.events.messages import Attached, Reacted
from chat.models import Conversation, Membership, Message, Reaction
from chat.rooms import ConversationRoom
from chat.typing import typing_changed
from realtime.events import Event
from realtime.publishing import Intent, Push, Void
from realtime.rooms import UserRoom
from realtime.times import iso
from tests.chat.talk import say

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

THUMB = "\U0001f44d"


@pytest.fixture
def crowd(group: Conversation, alice: User, carol: User) -> Conversation:
    """Alice's group with bob and carol."""
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    return group


def heard(published: list[Intent], conversation: Conversation, user: User) -> list[Event]:
    """What reaches this member's connections in the conversation, in order."""
    room, user_id = ConversationRoom(conversation.pk), str(user.pk)
    assert Membership.objects.filter(conversation=conversation, user=user).exists()
    pushes = [push for push in published if isinstance(push, Push)]
    return [push.event for push in pushes if push.rooms == room and user_id not in push.exclude]


def send(sender: User, conversation: Conversation, text: str, **content: Any) -> Message:
    return services.send_message(sender_id=sender.pk, conversation_id=conversation.pk, text=text, **content)


def edit(message: Message, text: str) -> Message:
    return services.edit_message(actor_id=message.sender_id, message_id=message.pk, text=text)


def react(user: User, message: Message) -> Reaction:
    return services.add_reaction(user_id=user.pk, message_id=message.pk, emoji=THUMB)


def test_a_message_is_told_with_all_that_it_has(
    crowd: Conversation, alice: User, bob: User, published: list[Intent]
) -> None:
    first = send(alice, crowd, "question")
    link = {"url": "https://example.com/a.png", "type": "image", "name": "a.png"}
    published.clear()
    content: Any = {"attachments": [link], "mentions": [alice.pk], "reply_to_id": first.pk}
    message = send(bob, crowd, "answer", **content)
    told = MessageNew(
        id=str(message.pk),
        conversation_id=str(crowd.pk),
        sender_id=str(bob.pk),
        text="answer",
        position=2,
        created_at=iso(message.created_at),
        attachments=[Attached(url=link["url"], type="image", name="a.png")],
        mentions=[str(alice.pk)],
        reply_to_id=str(first.pk),
    )
    assert published == [Push(ConversationRoom(crowd.pk), told, exclude=set())]


def test_an_encrypted_message_is_told_as_it_is(crowd: Conversation, bob: User, published: list[Intent]) -> None:
    published.clear()
    send(bob, crowd, "", ciphertext="AAEC")
    event = cast(MessageNew, cast(Push, published[0]).event)
    assert (event.text, event.ciphertext) == ("", "AAEC")


def test_an_edited_message_is_told_whole(crowd: Conversation, alice: User, bob: User, published: list[Intent]) -> None:
    message = send(bob, crowd, "one")
    react(alice, message)
    published.clear()
    edited = edit(message, "two")
    (event,) = heard(published, crowd, alice)
    assert isinstance(event, MessageEdited)
    assert (event.id, event.text, event.position) == (str(message.pk), "two", 1)
    assert edited.edited_at is not None
    assert event.edited_at == iso(edited.edited_at)
    assert event.reactions == [Reacted(user_id=str(alice.pk), emoji=THUMB)]
    edit(message, "two")
    assert len(published) == 1


def test_a_deletion_for_all_is_told_once_and_nothing_of_its_reactions(
    crowd: Conversation, alice: User, bob: User, published: list[Intent]
) -> None:
    message = send(bob, crowd, "one")
    react(alice, message)
    published.clear()
    for _ in range(2):
        services.delete_message(actor_id=bob.pk, message_id=message.pk)
    gone = MessageDeleted(message_id=str(message.pk), conversation_id=str(crowd.pk), for_everyone=True)
    room = ConversationRoom(crowd.pk)
    assert published == [Void(room), Push(room, gone, exclude=set())]


def test_a_deletion_for_oneself_is_told_to_ones_own_devices_alone(
    crowd: Conversation, alice: User, bob: User, published: list[Intent]
) -> None:
    message = send(bob, crowd, "one")
    published.clear()
    for _ in range(2):
        services.delete_message(actor_id=alice.pk, message_id=message.pk)
    gone = MessageDeleted(message_id=str(message.pk), conversation_id=str(crowd.pk), for_everyone=False)
    assert published == [Push(UserRoom(alice.pk), gone, is_personal=True)]


def test_a_message_that_staff_remove_from_the_database_is_told_as_deleted(
    crowd: Conversation, bob: User, published: list[Intent]
) -> None:
    message = send(bob, crowd, "one")
    pk = str(message.pk)
    published.clear()
    message.delete()
    gone = MessageDeleted(message_id=pk, conversation_id=str(crowd.pk), for_everyone=True)
    room = ConversationRoom(crowd.pk)
    assert published == [Void(room), Push(room, gone, exclude=set())]


def test_one_that_was_deleted_before_is_not_told_again(crowd: Conversation, bob: User, published: list[Intent]) -> None:
    message = send(bob, crowd, "one")
    services.delete_message(actor_id=bob.pk, message_id=message.pk)
    published.clear()
    Message.objects.get().delete()
    assert published == []


def test_reactions_are_told_as_they_come_and_go(
    crowd: Conversation, alice: User, bob: User, published: list[Intent]
) -> None:
    message = send(bob, crowd, "one")
    published.clear()
    react(alice, message)
    services.remove_reaction(user_id=alice.pk, message_id=message.pk, emoji=THUMB)

    def told(removed: bool) -> MessageReaction:
        return MessageReaction(
            message_id=str(message.pk),
            conversation_id=str(crowd.pk),
            user_id=str(alice.pk),
            emoji=THUMB,
            removed=removed,
        )

    for member in (alice, bob):
        assert heard(published, crowd, member) == [told(False), told(True)]


def test_reactions_of_a_deleted_account_are_taken_away(
    crowd: Conversation, bob: User, carol: User, published: list[Intent]
) -> None:
    react(carol, send(bob, crowd, "one"))
    published.clear()
    carol.delete()
    gone = [push.event for push in published if isinstance(push, Push) and isinstance(push.event, MessageReaction)]
    assert [event.removed for event in gone] == [True]


def test_receipts_are_told_to_all_members(crowd: Conversation, alice: User, bob: User, published: list[Intent]) -> None:
    message = send(alice, crowd, "one")
    published.clear()
    services.mark_delivered(user_id=bob.pk, message_id=message.pk)
    services.mark_read(user_id=bob.pk, message_id=message.pk)
    told = [
        MessageReceipt(message_id=str(message.pk), conversation_id=str(crowd.pk), user_id=str(bob.pk), type=kind)
        for kind in ("delivered", "read")
    ]
    assert published == [Push(ConversationRoom(crowd.pk), event, exclude=set()) for event in told]


# -- across a block --------------------------------------------------------------------------------------------


def exclusions(published: list[Intent]) -> list[set[str]]:
    """Who is not to hear each event."""
    return [set(push.exclude) for push in published if isinstance(push, Push)]


Act = Callable[[Message, User], object]
ACTS: dict[str, Act] = {
    "edits": lambda message, actor: edit(message, "changed"),
    "deletes": lambda message, actor: services.delete_message(actor_id=actor.pk, message_id=message.pk),
    "reacts": lambda message, actor: react(actor, message),
    "has it delivered": lambda message, actor: services.mark_delivered(user_id=actor.pk, message_id=message.pk),
    "reads": lambda message, actor: services.mark_read(user_id=actor.pk, message_id=message.pk),
}


@pytest.mark.parametrize("by_the_other", [False, True])
@pytest.mark.parametrize("name", ACTS)
def test_blocked_people_hear_nothing_of_what_the_other_does(
    crowd: Conversation, alice: User, bob: User, carol: User, published: list[Intent], name: str, by_the_other: bool
) -> None:
    message = send(bob, crowd, "one")
    blocker, blocked = (carol, bob) if by_the_other else (bob, carol)
    block_user(blocker_id=blocker.pk, blocked_id=blocked.pk)
    published.clear()
    ACTS[name](message, bob)
    assert heard(published, crowd, carol) == []
    assert len(heard(published, crowd, alice)) == 1


@pytest.mark.parametrize("name", ["says more", "types", *ACTS])
def test_blocks_elsewhere_in_the_world_travel_with_no_event(
    crowd: Conversation, bob: User, person: Callable[..., User], published: list[Intent], name: str
) -> None:
    message = send(bob, crowd, "one")
    for number in range(3):
        block_user(blocker_id=bob.pk, blocked_id=person(f"stranger{number}").pk)
        block_user(blocker_id=person(f"other{number}").pk, blocked_id=bob.pk)
    published.clear()
    more: dict[str, Act] = {
        "says more": lambda message, actor: send(actor, crowd, "two"),
        "types": lambda message, actor: typing_changed.send(
            None, conversation_id=str(crowd.pk), user_id=str(actor.pk), typing=True
        ),
    }
    (ACTS | more)[name](message, bob)
    assert exclusions(published) == [{str(bob.pk)} if name == "types" else set()]


@pytest.mark.parametrize("name", ["reacts", "has it delivered", "reads"])
def test_what_a_third_does_with_a_message_is_not_heard_by_who_does_not_see_it(
    crowd: Conversation, alice: User, bob: User, carol: User, published: list[Intent], name: str
) -> None:
    blocked, hidden = send(bob, crowd, "one"), send(alice, crowd, "two")
    block_user(blocker_id=bob.pk, blocked_id=carol.pk)
    services.delete_message(actor_id=carol.pk, message_id=hidden.pk)
    published.clear()
    ACTS[name](blocked, alice)
    ACTS[name](hidden, bob)
    assert heard(published, crowd, carol) == []
    assert len(heard(published, crowd, alice)) == 2


def test_who_hid_a_message_hears_nothing_more_of_it(
    crowd: Conversation, bob: User, carol: User, published: list[Intent]
) -> None:
    message = send(bob, crowd, "one")
    services.delete_message(actor_id=carol.pk, message_id=message.pk)
    published.clear()
    edit(message, "two")
    services.delete_message(actor_id=bob.pk, message_id=message.pk)
    assert heard(published, crowd, carol) == []


def test_an_answer_to_somebody_across_a_block_answers_nothing(
    crowd: Conversation, alice: User, bob: User, carol: User, published: list[Intent]
) -> None:
    question = send(bob, crowd, "question")
    block_user(blocker_id=carol.pk, blocked_id=bob.pk)
    published.clear()
    answer = send(alice, crowd, "answer", reply_to_id=question.pk)
    edit(answer, "another answer")
    for member, answered in ((alice, str(question.pk)), (bob, str(question.pk)), (carol, None)):
        new, edited = cast(list[MessageNew], heard(published, crowd, member))
        assert (new.text, new.reply_to_id) == ("answer", answered)
        assert (edited.text, edited.reply_to_id) == ("another answer", answered)


def test_nobody_is_told_of_a_mention_across_a_block(
    crowd: Conversation, alice: User, bob: User, carol: User, published: list[Intent]
) -> None:
    block_user(blocker_id=carol.pk, blocked_id=bob.pk)
    published.clear()
    message = send(alice, crowd, "one", mentions=[bob.pk, carol.pk])
    edit(message, "two")
    for member, others in ((alice, {bob, carol}), (bob, {bob}), (carol, {carol})):
        told = cast(list[MessageNew], heard(published, crowd, member))
        assert [set(event.mentions) for event in told] == [{str(other.pk) for other in others}] * 2


def test_an_edited_message_shows_nobody_reactions_across_a_block(
    crowd: Conversation, alice: User, bob: User, carol: User, published: list[Intent]
) -> None:
    message = send(alice, crowd, "one")
    for user in (alice, bob, carol):
        react(user, message)
    block_user(blocker_id=carol.pk, blocked_id=bob.pk)
    published.clear()
    edit(message, "two")
    for member, others in ((alice, {alice, bob, carol}), (bob, {alice, bob}), (carol, {alice, carol})):
        (event,) = cast(list[MessageEdited], heard(published, crowd, member))
        assert {one.user_id for one in event.reactions} == {str(other.pk) for other in others}


def test_who_does_not_see_what_was_read_hears_of_the_last_before_it(
    crowd: Conversation, alice: User, bob: User, carol: User, published: list[Intent]
) -> None:
    first, second = say(crowd, alice, "seen", "hidden")
    third = send(bob, crowd, "of a blocked one")
    services.delete_message(actor_id=carol.pk, message_id=second.pk)
    block_user(blocker_id=carol.pk, blocked_id=bob.pk)
    published.clear()
    services.mark_read(user_id=alice.pk, message_id=third.pk)

    def told(member: User) -> list[str]:
        return [event.message_id for event in cast(list[MessageReceipt], heard(published, crowd, member))]

    assert (told(alice), told(bob), told(carol)) == ([str(third.pk)], [str(third.pk)], [str(first.pk)])
    fourth = send(bob, crowd, "again of a blocked one")
    published.clear()
    services.mark_read(user_id=alice.pk, message_id=fourth.pk)
    assert (told(bob), told(carol)) == ([str(fourth.pk)], []), "she has heard of all that she sees"
