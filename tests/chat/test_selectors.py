"""Who reads what of the chat, and pages of its history."""

from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries
from uuid_utils.compat import uuid7

from accounts.models import User
from accounts.services import block_user
from chat import selectors, services
from chat.history import page
from chat.models import Conversation, Message
from chat.rooms import ConversationRoom
from realtime.auth import Identity

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def say(sender: User, conversation: Conversation, text: str = "hi") -> Message:
    return services.send_message(sender_id=sender.pk, conversation_id=conversation.pk, text=text)


@pytest.mark.parametrize("conversation", ["no-id", "", "1", "a" * 64, "018f0000-0000-7000-8000-000000000000"])
def test_nobody_is_a_member_where_nothing_is(group: Conversation, alice: User, conversation: str) -> None:
    assert not selectors.is_member(conversation=conversation, user=alice.pk)


def test_who_was_removed_is_no_member_anymore(group: Conversation, alice: User, bob: User, carol: User) -> None:
    assert selectors.is_member(conversation=str(group.pk), user=str(bob.pk))
    assert not selectors.is_member(conversation=group.pk, user=carol.pk)
    services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=bob.pk)
    assert not selectors.is_member(conversation=group.pk, user=bob.pk)


def test_a_room_lets_members_in_and_is_joined_by_them(group: Conversation, bob: User, carol: User) -> None:
    room, member = ConversationRoom(group.pk), Identity(id=str(bob.pk), username="bob")
    other = Identity(id=str(carol.pk), username="carol", is_staff=True)
    assert room.allows(member)
    assert list(ConversationRoom.automatic(member)) == [room]
    assert not room.allows(other)
    assert list(ConversationRoom.automatic(other)) == []
    assert not ConversationRoom("no-id").allows(member)


def test_ones_own_conversations_are_read_by_nobody_else(
    group: Conversation, direct: Conversation, alice: User, bob: User, carol: User
) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    assert set(selectors.conversations_of(alice.pk)) == {group, direct}
    assert set(selectors.conversations_of(str(carol.pk))) == {group}
    assert set(selectors.conversation_ids_of(carol.pk)) == {group.pk}
    services.remove_member(actor_id=carol.pk, conversation_id=group.pk, user_id=carol.pk)
    assert set(selectors.conversations_of(carol.pk)) == set()
    assert selectors.conversation_ids_of(carol.pk) == []


Read = Callable[[Any, Any], Any]


@pytest.mark.parametrize("read", [selectors.get_conversation, selectors.members_of, selectors.messages_of])
def test_a_conversation_is_read_by_its_members_alone(
    group: Conversation, alice: User, bob: User, carol: User, read: Read
) -> None:
    for member in (alice, bob):
        read(member.pk, group.pk)
    services.remove_member(actor_id=bob.pk, conversation_id=group.pk, user_id=bob.pk)
    for other in (bob, carol):
        with pytest.raises(Conversation.DoesNotExist):
            read(other.pk, group.pk)
    with pytest.raises(Conversation.DoesNotExist):
        read(alice.pk, uuid7())


def test_a_conversation_comes_with_its_members_in_the_order_of_joining(
    group: Conversation, alice: User, bob: User, carol: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    with django_assert_num_queries(3):
        shown = selectors.get_conversation(bob.pk, group.pk)
        assert [member.user.username for member in shown.memberships.all()] == ["alice", "bob", "carol"]


def test_a_conversation_is_as_lively_as_its_last_message(
    group: Conversation, direct: Conversation, alice: User
) -> None:
    def liveliest() -> list[Conversation]:
        return list(selectors.conversations_of(alice.pk).order_by("-active_at", "-id"))

    assert liveliest() == [direct, group]
    say(alice, group)
    assert liveliest() == [group, direct]


def test_what_is_said_in_a_group_is_not_read_across_a_block(
    group: Conversation, alice: User, bob: User, carol: User
) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    for sender in (alice, bob, carol):
        say(sender, group, sender.username)
    block_user(blocker_id=alice.pk, blocked_id=bob.pk)

    def read(reader: User) -> set[str]:
        return {message.text for message in selectors.messages_of(reader.pk, group.pk)}

    assert read(alice) == {"alice", "carol"}
    assert read(bob) == {"bob", "carol"}
    assert read(carol) == {"alice", "bob", "carol"}


# -- History ------------------------------------------------------------------------------------


def written(sender: User, positions: list[int]) -> Conversation:
    """A conversation with messages at these positions; others may have been deleted."""
    conversation = Conversation.objects.create(kind="group", last_position=max(positions, default=0))
    Message.objects.bulk_create(
        Message(conversation=conversation, sender=sender, text="hi", position=position) for position in positions
    )
    return conversation


Link = Literal["next", "previous"]
LINKS: tuple[Link, Link] = ("next", "previous")


def walk(messages: Any, link: Link, **asked: int) -> list[list[int]]:
    """The positions of each page from this one on, following the link `next` or `previous`."""
    pages: list[list[int]] = []
    while asked:
        assert len(pages) < 100
        shown = page(messages, url="http://testserver/there/", **asked)
        pages.append([message.position for message in shown["results"]])
        assert len(pages[-1]) <= asked["limit"]
        url = urlsplit(shown[link] or "")
        assert url.path in {"/there/", ""}
        asked = {name: int(value) for name, value in parse_qsl(url.query)}
    return pages


def flat(pages: list[list[int]]) -> list[int]:
    return [position for each in pages for position in each]


sizes = st.integers(1, 12)
written_positions = st.lists(st.integers(1, 40), unique=True, max_size=30).map(sorted)
quickly = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


@quickly
@given(positions=written_positions, limit=sizes, bound=st.integers(1, 42))
@example(positions=[], limit=1, bound=1)
@example(positions=[1, 2, 3], limit=3, bound=1)
@example(positions=[1, 2, 3], limit=1, bound=4)
def test_pages_in_either_direction_hold_everything_once(
    alice: User, positions: list[int], limit: int, bound: int
) -> None:
    messages = Message.objects.filter(conversation=written(alice, positions))
    assert flat(walk(messages, "previous", limit=limit)[::-1]) == positions
    assert flat(walk(messages, "next", limit=limit, after=0)) == positions
    assert flat(walk(messages, "previous", limit=limit, before=bound)[::-1]) == [p for p in positions if p < bound]
    assert flat(walk(messages, "next", limit=limit, after=bound)) == [p for p in positions if p > bound]


@quickly
@given(positions=written_positions.filter(bool), limit=sizes, bound=st.integers(1, 42))
def test_the_links_of_a_page_lead_to_its_neighbours(alice: User, positions: list[int], limit: int, bound: int) -> None:
    messages = Message.objects.filter(conversation=written(alice, positions))
    for asked in ({}, {"before": bound}, {"after": bound}):
        newer, older = (walk(messages, link, limit=limit, **asked) for link in LINKS)
        if newer[0]:
            assert flat(older[:0:-1]) + newer[0] + flat(newer[1:]) == positions


def test_a_page_without_bounds_is_of_the_newest(alice: User) -> None:
    messages = Message.objects.filter(conversation=written(alice, [1, 2, 3]))
    assert walk(messages, "next", limit=2) == [[2, 3]]
    assert walk(messages, "previous", limit=3) == [[1, 2, 3]]


def test_what_is_said_meanwhile_moves_no_page(group: Conversation, alice: User) -> None:
    for _ in range(4):
        say(alice, group)
    messages = selectors.messages_of(alice.pk, group.pk)
    url = page(messages, url="there", limit=2)["previous"]
    say(alice, group)
    assert url == "there?before=3&limit=2"
    assert walk(messages, "previous", before=3, limit=2) == [[1, 2]]
    assert walk(messages, "next", after=4, limit=2) == [[5]]


def test_a_page_takes_one_query_however_long(alice: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    messages = Message.objects.filter(conversation=written(alice, list(range(1, 31))))
    for limit in (1, 30):
        with django_assert_num_queries(1):
            assert len(page(messages, url="", limit=limit)["results"]) == limit
