"""What clients ask of the chat over the socket."""

from collections.abc import Callable
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from accounts.models import User
from accounts.services import block_user
from chat import services
from chat.events import MessageNew
from chat.models import Conversation
from realtime.testing import CallError, Client

pytestmark = pytest.mark.django_db(transaction=True)
Connect = Callable[..., Client]


def refusal(client: Client, **data: Any) -> str:
    with pytest.raises(CallError) as refused:
        client.call("message.send", data)
    return str(refused.value.code)


def test_a_member_says_something_and_all_members_hear_it(
    connect: Connect, group: Conversation, alice: User, bob: User, carol: User
) -> None:
    speaker, listener, stranger = connect(alice), connect(bob), connect(carol)
    reply = speaker.call("message.send", {"conversationId": str(group.pk), "text": "hello", "tempId": "t1"})
    heard = listener.expect(MessageNew)
    assert speaker.expect(MessageNew) == heard
    assert (heard.text, heard.position, heard.sender_id) == ("hello", 1, str(alice.pk))
    assert reply == {"tempId": "t1", "messageId": heard.id}
    stranger.hears_nothing(MessageNew)


def test_the_same_temporary_id_gets_the_same_answer_and_is_heard_once(
    connect: Connect, group: Conversation, alice: User, bob: User
) -> None:
    speaker, listener = connect(alice), connect(bob)
    data = {"conversationId": str(group.pk), "text": "hello", "tempId": "t1"}
    assert speaker.call("message.send", data) == speaker.call("message.send", data)
    listener.expect(MessageNew)
    listener.hears_nothing(MessageNew)


def test_without_a_temporary_id_the_answer_has_none(connect: Connect, group: Conversation, alice: User) -> None:
    assert connect(alice).call("message.send", {"conversationId": str(group.pk), "text": "x"})["tempId"] is None


def test_who_is_no_member_says_nothing(connect: Connect, group: Conversation, bob: User, carol: User) -> None:
    stranger, listener = connect(carol), connect(bob)
    assert refusal(stranger, conversationId=str(group.pk), text="x") == "NOT_FOUND"
    assert refusal(stranger, conversationId=str(uuid7()), text="x") == "NOT_FOUND"
    listener.hears_nothing(MessageNew)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({}, "INVALID_PAYLOAD"),
        ({"text": "x"}, "INVALID_PAYLOAD"),
        ({"conversationId": "ID"}, "INVALID_PAYLOAD"),
        ({"conversationId": "nonsense", "text": "x"}, "INVALID_PAYLOAD"),
        ({"conversationId": 1, "text": "x"}, "INVALID_PAYLOAD"),
        ({"conversationId": "ID", "text": None}, "INVALID_PAYLOAD"),
        ({"conversationId": "ID", "text": 1}, "INVALID_PAYLOAD"),
        ({"conversationId": "ID", "text": ["x"]}, "INVALID_PAYLOAD"),
        ({"conversationId": "ID", "text": ""}, "INVALID_PAYLOAD"),
        ({"conversationId": "ID", "text": "   "}, "INVALID_PAYLOAD"),
        ({"conversationId": "ID", "text": "a\x00b"}, "INVALID_PAYLOAD"),
        ({"conversationId": "ID", "text": "x" * 10_001}, "PAYLOAD_TOO_LARGE"),
        ({"conversationId": "ID", "text": "x", "tempId": "t" * 65}, "INVALID_PAYLOAD"),
        ({"conversationId": "ID", "text": "x", "tempId": 1}, "INVALID_PAYLOAD"),
        ({"conversationId": "ID", "text": "x", "more": 1}, "INVALID_PAYLOAD"),
        ({"conversation_id": "ID", "text": "x"}, "INVALID_PAYLOAD"),
    ],
)
def test_a_bad_message_is_refused_and_the_connection_stays(
    connect: Connect, group: Conversation, alice: User, data: dict[str, Any], code: str
) -> None:
    client = connect(alice)
    named = {name: str(group.pk) if value == "ID" else value for name, value in data.items()}
    assert refusal(client, **named) == code
    assert client.call("message.send", {"conversationId": str(group.pk), "text": "x" * 10_000})["messageId"]


def test_who_is_blocked_is_told_so(connect: Connect, direct: Conversation, alice: User, bob: User) -> None:
    client = connect(alice)
    assert client.call("message.send", {"conversationId": str(direct.pk), "text": "x"})
    block_user(blocker_id=bob.pk, blocked_id=alice.pk)
    assert refusal(client, conversationId=str(direct.pk), text="x") == "BLOCKED"


def test_the_31st_message_of_a_minute_is_refused_with_the_time_to_wait(
    connect: Connect, group: Conversation, alice: User, bob: User
) -> None:
    phone, laptop, other = connect(alice), connect(alice), connect(bob)
    data = {"conversationId": str(group.pk), "text": "x"}
    for number in range(30):
        (phone, laptop)[number % 2].call("message.send", data)
    for client in (phone, laptop):
        with pytest.raises(CallError) as refused:
            client.call("message.send", data)
        assert (refused.value.code, refused.value.message) == ("RATE_LIMITED", "Rate limit exceeded")
        assert 1 <= refused.value.error["retryAfter"] <= 60
    assert other.call("message.send", data)


def test_members_subscribe_again_and_others_never(
    connect: Connect, group: Conversation, alice: User, carol: User
) -> None:
    room = {"room": "conversation", "id": str(group.pk)}
    assert connect(alice).call("rooms.subscribe", room) == {"room": f"conversation:{group.pk}"}
    stranger = connect(carol)
    for unknown in (room, {"room": f"conversation:{uuid7()}"}, {"room": "conversation:nonsense"}):
        with pytest.raises(CallError) as refused:
            stranger.call("rooms.subscribe", unknown)
        assert refused.value.code == "FORBIDDEN"


def test_who_is_let_in_hears_from_then_on_and_who_is_out_no_more(
    connect: Connect, group: Conversation, alice: User, carol: User
) -> None:
    speaker, devices = connect(alice), [connect(carol) for _ in range(2)]
    data = {"conversationId": str(group.pk), "text": "inside"}
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    speaker.call("message.send", data)
    for device in devices:
        assert device.expect("conversation.memberAdded")["member"]["name"] == "carol"
        assert device.expect(MessageNew).text == "inside"
    services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    speaker.call("message.send", data | {"text": "after"})
    speaker.expect(MessageNew, text="after")
    for device in devices:
        assert device.expect("conversation.memberRemoved")["userId"] == str(carol.pk)
        device.hears_nothing(MessageNew)


# -- defects ------------------------------------------------------------------------------------------------


def test_a_temporary_id_with_a_nul_is_bad_input(connect: Connect, group: Conversation, alice: User) -> None:
    assert refusal(connect(alice), conversationId=str(group.pk), text="x", tempId="a\x00") == "INVALID_PAYLOAD"
