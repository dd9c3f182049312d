"""Who hears that somebody is typing."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import Settings

from accounts.models import User
from accounts.services import block_user
from chat import services
from chat.events import MessageNew, TypingStarted, TypingStopped
from chat.models import Conversation
from chat.typing import _backend
from realtime.testing import CallError, Client
from tests.chat.typing.queries import Queries
from tests.services import redis_url

pytestmark = pytest.mark.django_db(transaction=True)
Connect = Callable[..., Client]
Typing = TypingStarted | TypingStopped


@pytest.fixture(autouse=True, params=["memory", "Redis"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Both, behind one server."""
    url = redis_url() if request.param == "Redis" else ""
    monkeypatch.setattr("chat.typing.backend", lambda: _backend(url))
    monkeypatch.setattr("chat.signals.typing.backend", lambda: _backend(url))
    yield
    _backend.cache_clear()


@pytest.fixture
def patient(settings: Settings) -> None:
    """Nothing ends by itself while the test runs."""
    settings.CHAT_TYPING_TIMEOUT = 3600.0


@pytest.fixture
def hasty(settings: Settings) -> None:
    """It ends soon."""
    settings.CHAT_TYPING_TIMEOUT = 0.2


def type_(client: Client, conversation: Conversation, name: str = "typing.start") -> None:
    assert client.call(name, {"conversationId": str(conversation.pk)}) == {}


def of(user: User, conversation: Conversation) -> dict[str, Any]:
    return {"userId": str(user.pk), "conversationId": str(conversation.pk)}


def test_the_others_of_the_conversation_hear_it_and_no_one_else(
    connect: Connect, group: Conversation, patient: None, alice: User, bob: User, carol: User
) -> None:
    typist, own, listener, stranger = connect(alice), connect(alice), connect(bob), connect(carol)
    type_(typist, group)
    listener.expect(TypingStarted, **of(alice, group))
    type_(typist, group, "typing.stop")
    listener.expect(TypingStopped, **of(alice, group))
    for client in (typist, own, stranger):
        client.hears_nothing(TypingStarted, TypingStopped)


def test_a_repeated_start_and_a_second_device_tell_nothing_new(
    connect: Connect, group: Conversation, patient: None, alice: User, bob: User
) -> None:
    devices, listener = [connect(alice), connect(alice)], connect(bob)
    for device in devices * 3:
        type_(device, group)
    listener.expect(TypingStarted)
    type_(devices[0], group, "typing.stop")
    type_(devices[0], group, "typing.stop")
    listener.hears_nothing(TypingStarted, TypingStopped)
    type_(devices[1], group, "typing.stop")
    listener.expect(TypingStopped)
    listener.hears_nothing(TypingStarted, TypingStopped)


def test_it_stops_by_itself_once(connect: Connect, group: Conversation, hasty: None, alice: User, bob: User) -> None:
    typist, listener = connect(alice), connect(bob)
    type_(typist, group)
    listener.expect(TypingStarted)
    listener.expect(TypingStopped)
    type_(typist, group)
    listener.expect(TypingStarted)
    listener.expect(TypingStopped)
    listener.hears_nothing(TypingStarted, TypingStopped)


def test_a_start_renews_it(connect: Connect, group: Conversation, settings: Settings, alice: User, bob: User) -> None:
    settings.CHAT_TYPING_TIMEOUT = 0.5
    typist, listener = connect(alice), connect(bob)
    type_(typist, group)
    listener.expect(TypingStarted)
    settings.CHAT_TYPING_TIMEOUT = 3600.0
    type_(typist, group)  # instead of the first one
    other = services.create_conversation(creator_id=alice.pk, kind="group", title="other", members=[bob.pk])
    settings.CHAT_TYPING_TIMEOUT = 0.6
    type_(typist, other)
    listener.expect(TypingStopped, **of(alice, other))  # by when the first one would have stopped, too
    listener.expect(TypingStarted, **of(alice, other))
    listener.hears_nothing(TypingStopped)


def test_who_disconnects_types_no_more(
    connect: Connect, group: Conversation, patient: None, alice: User, bob: User
) -> None:
    typist, listener = connect(alice), connect(bob)
    type_(typist, group)
    listener.expect(TypingStarted)
    typist.close()
    listener.expect(TypingStopped, **of(alice, group))


def test_a_message_ends_it_whatever_device_sends_it(
    connect: Connect, group: Conversation, patient: None, alice: User, bob: User
) -> None:
    typist, listener = connect(alice), connect(bob)
    for send in (
        lambda: typist.call("message.send", {"conversationId": str(group.pk), "text": "hello"}),
        lambda: services.send_message(sender_id=alice.pk, conversation_id=group.pk, text="by REST"),
    ):
        type_(typist, group)
        listener.expect(TypingStarted)
        send()
        listener.expect(MessageNew)
        listener.expect(TypingStopped, **of(alice, group))
    typist.call("message.send", {"conversationId": str(group.pk), "text": "without typing"})
    listener.expect(MessageNew)
    listener.hears_nothing(TypingStopped)


def test_a_message_of_another_ends_nothing(
    connect: Connect, group: Conversation, patient: None, alice: User, bob: User
) -> None:
    typist, listener = connect(alice), connect(bob)
    type_(typist, group)
    listener.expect(TypingStarted)
    services.send_message(sender_id=bob.pk, conversation_id=group.pk, text="me first")
    typist.expect(MessageNew)
    listener.hears_nothing(TypingStopped)


def test_members_alone_may_type(connect: Connect, group: Conversation, patient: None, bob: User, carol: User) -> None:
    stranger, listener = connect(carol), connect(bob)
    for name in ("typing.start", "typing.stop"):
        for conversation in (str(group.pk), str(uuid4())):
            with pytest.raises(CallError) as refused:
                stranger.call(name, {"conversationId": conversation})
            assert refused.value.code == "NOT_FOUND"
        for data in (
            {},
            {"conversationId": "nonsense"},
            {"conversationId": 7},
            {"conversationId": str(group.pk), "x": 1},
        ):
            with pytest.raises(CallError) as refused:
                stranger.call(name, data)
            assert refused.value.code == "INVALID_PAYLOAD"
    listener.hears_nothing(TypingStarted, TypingStopped)


def test_who_is_removed_types_no_more(
    connect: Connect, group: Conversation, patient: None, alice: User, bob: User, carol: User
) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    typist, listener = connect(carol), connect(bob)
    type_(typist, group)
    listener.expect(TypingStarted)
    services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    listener.expect(TypingStopped, **of(carol, group))
    with pytest.raises(CallError):
        type_(typist, group)


def test_those_who_are_parted_by_a_block_see_nothing_of_it(
    connect: Connect, group: Conversation, direct: Conversation, patient: None, alice: User, bob: User, carol: User
) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    one, other, witness = connect(alice), connect(bob), connect(carol)
    block_user(blocker_id=bob.pk, blocked_id=alice.pk)
    for typist, user, deaf in ((one, alice, other), (other, bob, one)):
        for conversation in (group, direct):
            type_(typist, conversation)  # in silence
            type_(typist, conversation, "typing.stop")
        witness.expect(TypingStarted, **of(user, group))
        witness.expect(TypingStopped, **of(user, group))
        deaf.hears_nothing(TypingStarted, TypingStopped)


def test_a_block_ends_it_for_the_two_alone(
    connect: Connect, group: Conversation, direct: Conversation, patient: None, alice: User, bob: User, carol: User
) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    typist, other, witness = connect(alice), connect(bob), connect(carol)
    for conversation in (group, direct):
        type_(typist, conversation)
        other.expect(TypingStarted, **of(alice, conversation))
    witness.expect(TypingStarted)
    block_user(blocker_id=bob.pk, blocked_id=alice.pk)
    for conversation in (group, direct):
        other.expect(TypingStopped, **of(alice, conversation))
    witness.hears_nothing(TypingStopped)
    type_(typist, group, "typing.stop")
    witness.expect(TypingStopped)
    other.hears_nothing(TypingStarted, TypingStopped)
    typist.hears_nothing(TypingStopped)


def test_going_on_typing_costs_no_query(
    connect: Connect, group: Conversation, patient: None, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener, typist = connect(bob), connect(alice)
    listener.expect("presence.changed", userId=str(alice.pk))  # nothing more has to be told
    with Queries(monkeypatch) as first:
        type_(typist, group)
    with Queries(monkeypatch) as more:
        for _ in range(5):
            type_(typist, group)
    assert not [sql for sql in first.of_threads if not sql.startswith("SELECT")]
    assert more.of_threads == []
