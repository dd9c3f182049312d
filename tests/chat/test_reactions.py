"""Emojis under messages: one person, one emoji, once."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from pytest_django import Settings
from uuid_utils.compat import uuid7

from accounts.models import User
from accounts.services import block_user
from chat import selectors, services
from chat.models import Conversation, Message, Reaction
from realtime.intents import Intent
from tests.accounts.threads import at_once
from tests.chat.talk import say

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

THUMB, HEART = "\U0001f44d", "❤️"


@pytest.fixture
def message(group: Conversation, bob: User) -> Message:
    """Bob's, in the group."""
    return say(group, bob, "one")[0]


def react(user: User, message: Message, emoji: str = THUMB) -> Reaction:
    return services.add_reaction(user_id=user.pk, message_id=message.pk, emoji=emoji)


def unreact(user: User, message: Message, emoji: str = THUMB) -> None:
    services.remove_reaction(user_id=user.pk, message_id=message.pk, emoji=emoji)


def shown(reader: User, message: Message) -> list[tuple[str, str]]:
    reactions = selectors.get_message(reader.pk, message.pk).reactions.all()
    return [(reaction.user.username, reaction.emoji) for reaction in reactions]


def test_members_react_in_their_order_each_with_an_emoji_once(message: Message, alice: User, bob: User) -> None:
    first = react(alice, message)
    assert react(alice, message) == first
    react(bob, message)
    react(alice, message, HEART)
    assert shown(bob, message) == [("alice", THUMB), ("bob", THUMB), ("alice", HEART)]


def test_one_takes_away_ones_own_alone(message: Message, alice: User, bob: User) -> None:
    react(alice, message)
    unreact(bob, message)
    unreact(alice, message, HEART)
    assert shown(alice, message) == [("alice", THUMB)]
    for _ in range(2):
        unreact(alice, message)
    assert shown(alice, message) == []


def test_a_repetition_is_told_to_nobody(message: Message, alice: User, published: list[Intent]) -> None:
    for change in (react, react, unreact, unreact):
        change(alice, message)
    assert len(published) == 2


@pytest.mark.parametrize(
    "emoji",
    [
        *(THUMB, HEART, "❤", "☺️", "✓", "©", "\u2139\ufe0f", "Ⓜ️", "㊗️", "⬆️", "‼️", "\U0001fae8"),
        *("👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🧑🏿‍❤️‍💋‍🧑🏻", "🇩🇪", "1️⃣", "#⃣", "🏴\U000e0067\U000e0062\U000e007f"),
        *("+1", "-1", ":thumbs_up:", ":+1:"),
    ],
)
def test_an_emoji_is_one_of_any_kind(message: Message, alice: User, emoji: str) -> None:
    assert react(alice, message, emoji).emoji == emoji


@pytest.mark.parametrize(
    "emoji",
    [
        *("", " ", "a", "hello", "1", "+", "<", "!", "é", "漢", f"{THUMB} ", f" {THUMB}", f"{THUMB}{THUMB}", "🇩", "::"),
        *(f"{THUMB}\n", f"{THUMB}\x00", "\x00", "\u200d", "\ufe0f", f"{THUMB}\u200d", "\u202e", ":A b:", "<script>"),
        *(f":{'a' * 31}:", HEART * 30, "\u200d".join([THUMB] * 9), THUMB + "\ufe0f" * 40),
        "\u200d".join([THUMB + "\ufe0f" * 8] * 7),
    ],
)
def test_what_is_no_emoji_is_refused(message: Message, alice: User, emoji: str) -> None:
    for change in (react, unreact):
        with pytest.raises(ValidationError) as refused:
            change(alice, message, emoji)
        assert list(refused.value.message_dict) == ["emoji"]
    assert not Reaction.objects.exists()


def test_a_message_has_as_many_different_emojis_as_the_setting_says(
    settings: Settings, message: Message, alice: User, bob: User
) -> None:
    settings.CHAT_MAX_REACTIONS = 2
    react(alice, message, THUMB)
    react(alice, message, HEART)
    with pytest.raises(ValidationError):
        react(bob, message, "+1")
    react(bob, message, THUMB)
    unreact(alice, message, HEART)
    assert react(bob, message, "+1").emoji == "+1"


@pytest.mark.django_db(transaction=True)
def test_the_last_place_for_an_emoji_is_given_once(
    settings: Settings, message: Message, alice: User, bob: User
) -> None:
    settings.CHAT_MAX_REACTIONS = 1
    emojis = [(alice, THUMB), (bob, HEART), (alice, "+1"), (bob, "-1")]
    results = at_once(*(lambda user=user, emoji=emoji: react(user, message, emoji) for user, emoji in emojis))
    assert sum(isinstance(result, Reaction) for result in results) == 1
    assert Reaction.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_devices_that_react_at_once_make_one_reaction(message: Message, alice: User) -> None:
    results = at_once(*[lambda: react(alice, message).pk] * 6)
    assert set(results) == {Reaction.objects.get().pk}


def test_one_person_one_emoji_once_in_the_database_too(message: Message, alice: User) -> None:
    react(alice, message)
    with pytest.raises(IntegrityError), transaction.atomic():
        Reaction.objects.create(message=message, user=alice, emoji=THUMB)


@pytest.mark.parametrize("why", ["stranger", "removed", "blocked", "deleted", "hidden", "nowhere"])
def test_who_does_not_see_a_message_does_not_react(
    message: Message, group: Conversation, alice: User, bob: User, carol: User, why: str
) -> None:
    if why != "stranger":
        services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    if why == "removed":
        services.remove_member(actor_id=carol.pk, conversation_id=group.pk, user_id=carol.pk)
    elif why == "blocked":
        block_user(blocker_id=carol.pk, blocked_id=bob.pk)
    elif why in {"deleted", "hidden"}:
        services.delete_message(actor_id=(bob if why == "deleted" else carol).pk, message_id=message.pk)
    target = Message(pk=uuid7()) if why == "nowhere" else message
    for change in (react, unreact):
        with pytest.raises(Message.DoesNotExist):
            change(carol, target)
    with pytest.raises(Message.DoesNotExist):
        selectors.reactions_of(carol.pk, target.pk)


def test_reactions_of_people_across_a_block_are_not_seen(
    message: Message, group: Conversation, alice: User, bob: User, carol: User
) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    for user in (alice, bob, carol):
        react(user, message)
    block_user(blocker_id=carol.pk, blocked_id=alice.pk)
    assert shown(alice, message) == [("alice", THUMB), ("bob", THUMB)]
    assert shown(carol, message) == [("bob", THUMB), ("carol", THUMB)]
    assert len(shown(bob, message)) == 3
    assert {reaction.user for reaction in selectors.reactions_of(carol.pk, message.pk)} == {bob, carol}
