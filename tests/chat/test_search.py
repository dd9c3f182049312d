"""Finding messages: which words find what, and that nobody finds what is not theirs to see."""

from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts.models import User
from accounts.services import block_user, unblock_user
from chat import services
from chat.models import Conversation, Hidden, Message
from chat.search import search_messages
from tests.chat.talk import say

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
quickly = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def found(reader: User, q: str, **more: Any) -> list[str]:
    messages = search_messages(reader=reader.pk, q=q, **more)
    return [message.text for message in messages.order_by("-created_at", "-id")]


@pytest.mark.parametrize(
    ("q", "finds"),
    [
        ("dinner", True),
        ("DINNER", True),
        ("din", True),  # the beginning of the last word
        ("dinner tomorrow", True),
        ("tomorrow dinner", True),  # in any order
        ("friday dinner tom", True),
        ("inner", False),  # no beginning
        ("din tomorrow", False),  # only the last word may be a beginning
        ("dinner lunch", False),
        ('"dinner', True),
        ("dinner!", True),
        ("zürich", True),
        ("ZÜRICH", True),
        ("zür", True),
        ("o'brien", True),
        ("c++", True),
        ("dinner -tomorrow", True),  # no operators
        ("dinner & tomorrow", True),
        ("dinner | tomorrow", True),
        ("!dinner", True),
        ("dinner:*", True),
        ("dinner OR lunch", False),
        ("50%", True),
        ("%%", False),
        ("__", False),
        ("..", False),
        ("\\\\", False),
        ("''", False),
    ],
)
def test_words_find_a_message(group: Conversation, alice: User, q: str, finds: bool) -> None:
    text = "Dinner in Zürich on Friday, or tomorrow with O'Brien? He knows C++. 50% off"
    say(group, alice, text, "nothing of the kind")
    assert found(alice, q) == ([text] if finds else [])


def test_addresses_are_found_as_they_are_written(group: Conversation, alice: User) -> None:
    say(group, alice, "look at example.com", "write to bob@example.org", "see https://example.net/path?a=1")
    assert found(alice, "example.com") == ["look at example.com"]
    assert found(alice, "bob@example.org") == ["write to bob@example.org"]
    assert found(alice, "https://example.net/path?a=1") == ["see https://example.net/path?a=1"]


def test_one_finds_in_ones_own_conversations_alone(
    group: Conversation, direct: Conversation, alice: User, bob: User, carol: User
) -> None:
    say(group, alice, "needle in the group")
    say(direct, bob, "needle between two")
    assert found(alice, "needle") == ["needle between two", "needle in the group"]
    assert found(carol, "needle") == []
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    assert found(carol, "needle") == ["needle in the group"]
    services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=bob.pk)
    assert found(bob, "needle") == ["needle between two"]


def test_filters_narrow_the_search(group: Conversation, direct: Conversation, alice: User, bob: User) -> None:
    [first] = say(group, alice, "needle one")
    [second] = say(direct, bob, "needle two")
    assert found(alice, "needle", conversation_id=group.pk) == ["needle one"]
    assert found(alice, "needle", sender_id=str(bob.pk)) == ["needle two"]
    assert found(alice, "needle", conversation_id=group.pk, sender_id=bob.pk) == []
    assert found(alice, "needle", before=second.created_at) == ["needle one"]
    assert found(alice, "needle", before=first.created_at) == []
    assert found(alice, "needle", before=timezone.now()) == ["needle two", "needle one"]


def test_a_filter_opens_no_door(group: Conversation, alice: User, carol: User) -> None:
    say(group, alice, "needle")
    assert found(carol, "needle", conversation_id=group.pk) == []
    assert found(carol, "needle", sender_id=alice.pk) == []


def test_nobody_finds_across_a_block(group: Conversation, alice: User, bob: User, carol: User) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    for sender in (alice, bob, carol):
        say(group, sender, f"needle of {sender.username}")
    block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    assert found(alice, "needle") == ["needle of carol", "needle of alice"]
    assert found(bob, "needle") == ["needle of carol", "needle of bob"]
    assert found(carol, "needle") == ["needle of carol", "needle of bob", "needle of alice"]
    unblock_user(blocker_id=alice.pk, blocked_id=bob.pk)
    assert len(found(alice, "needle")) == 3


def test_what_was_deleted_is_found_by_nobody_and_what_one_hid_by_the_others(
    group: Conversation, alice: User, bob: User
) -> None:
    deleted, hidden, _ = say(group, alice, "needle deleted", "needle hidden", "needle")
    Message.objects.filter(pk=deleted.pk).update(deleted_at=timezone.now())
    Hidden.objects.create(message=hidden, user=bob)
    assert found(bob, "needle") == ["needle"]
    assert found(alice, "needle") == ["needle", "needle hidden"]


def test_what_was_encrypted_is_never_searched(group: Conversation, alice: User) -> None:
    [message] = say(group, alice, "plain")
    Message.objects.filter(pk=message.pk).update(text="", ciphertext="needle")
    assert found(alice, "needle") == []


def test_an_edited_message_is_found_by_its_present_words(group: Conversation, alice: User) -> None:
    [message] = say(group, alice, "before")
    Message.objects.filter(pk=message.pk).update(text="after")
    assert (found(alice, "before"), found(alice, "after")) == ([], ["after"])


def test_what_became_of_messages_is_what_is_found(group: Conversation, alice: User, bob: User) -> None:
    edited, deleted, hidden = (message.pk for message in say(group, alice, "old needle", "needle two", "needle three"))
    services.send_message(sender_id=alice.pk, conversation_id=group.pk, ciphertext="needle in secret")
    services.edit_message(actor_id=alice.pk, message_id=edited, text="new needle")
    services.delete_message(actor_id=alice.pk, message_id=deleted, for_everyone=True)
    services.delete_message(actor_id=bob.pk, message_id=hidden, for_everyone=False)
    assert found(bob, "needle") == ["new needle"]
    assert found(alice, "needle") == ["needle three", "new needle"]
    assert found(alice, "old") == []


hostile = st.text(max_size=60) | st.text("'\"\\:*&|!()<->%_ \t\nab", max_size=60)


@quickly
@given(q=hostile)
@example(q="'" * 50)
@example(q="\\'" * 25)
@example(q="a" * 200)
@example(q="é" * 200)
@example(q=" ".join("ab" for _ in range(60)))
@example(q="((((((((")
@example(q="(?i)a|b[")
@example(q="a <-> b:*")
def test_no_words_are_an_error(group: Conversation, alice: User, q: str) -> None:
    found(alice, q.replace("\x00", ""))


@pytest.mark.parametrize("unit", ["a", "a ", "' ", "\\", "é", "a:* & ", "((", "ab.cd/", "-1 "])
def test_ten_thousand_characters_are_no_error_here_either(group: Conversation, alice: User, unit: str) -> None:
    say(group, alice, "hello")
    found(alice, (unit * 10_000)[:10_000])


words = st.lists(st.text("abcäß", min_size=1, max_size=4), min_size=1, max_size=6)


@quickly
@given(said=words, asked=words)
def test_both_databases_mean_the_same(group: Conversation, alice: User, said: list[str], asked: list[str]) -> None:
    """Every word of a question is a word of the message, the last one the beginning of one."""
    Message.objects.all().delete()
    say(group, alice, ", ".join(said).capitalize())
    known = [word.lower() for word in ", ".join(said).capitalize().split(", ")]
    expected = set(asked[:-1]) <= set(known) and any(word.startswith(asked[-1]) for word in known)
    assert bool(found(alice, " ".join(asked))) == expected
