"""What clients do with messages over the socket."""

from collections.abc import Callable
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from accounts.models import User
from accounts.services import block_user
from chat import services
from chat.events import MessageDeleted, MessageEdited, MessageNew, MessageReaction, MessageReceipt
from chat.models import Conversation, Message
from realtime.testing import CallError, Client
from tests.accounts.conftest import as_user
from tests.chat.talk import say

pytestmark = pytest.mark.django_db(transaction=True)
NOTHINGS = "018f0000-0000-7000-8000-000000000000"  # an id of nothing
Connect = Callable[..., Client]

THUMB = "\U0001f44d"
ALL = (MessageNew, MessageEdited, MessageDeleted, MessageReaction, MessageReceipt)


def refusal(client: Client, command: str, **data: Any) -> str:
    with pytest.raises(CallError) as refused:
        client.call(command, data)
    return str(refused.value.code)


@pytest.fixture
def message(group: Conversation, bob: User) -> Message:
    """Bob's, in the group."""
    return say(group, bob, "one")[0]


def test_a_message_with_everything_is_heard_as_rest_shows_it(
    connect: Connect, group: Conversation, message: Message, alice: User, bob: User
) -> None:
    speaker, listener = connect(alice), connect(bob)
    data = {
        "conversationId": str(group.pk),
        "text": "look",
        "attachments": [{"url": "https://example.com/a.png", "type": "image", "thumbnailUrl": "https://example.com/t"}],
        "replyToId": str(message.pk),
        "mentions": [str(bob.pk)],
        "tempId": "t1",
        "ciphertext": None,
    }
    sent = speaker.call("message.send", data)["messageId"]
    heard = listener.expect("message.new")
    assert {name: heard[name] for name in data.keys() - {"tempId"}} == {k: v for k, v in data.items() if k != "tempId"}
    assert as_user(bob).get(f"/api/messages/{sent}/").json() == heard | {"readBy": [str(alice.pk)]}
    encrypted = {"conversationId": str(group.pk), "text": "", "ciphertext": "AAEC"}
    speaker.call("message.send", encrypted)
    assert listener.expect(MessageNew).ciphertext == "AAEC"


def test_a_message_without_text_has_something_else(connect: Connect, group: Conversation, alice: User) -> None:
    client = connect(alice)
    attachments = [{"url": "https://example.com/a.png", "type": "image/png"}]
    assert client.call("message.send", {"conversationId": str(group.pk), "text": "", "attachments": attachments})
    assert client.expect(MessageNew).text == ""
    assert refusal(client, "message.send", conversationId=str(group.pk), text="", attachments=[]) == "INVALID_PAYLOAD"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"attachments": {}}, "INVALID_PAYLOAD"),
        ({"attachments": [None]}, "INVALID_PAYLOAD"),
        ({"attachments": ["https://example.com/a.png"]}, "INVALID_PAYLOAD"),
        ({"attachments": [{"url": 1, "type": "image"}]}, "INVALID_PAYLOAD"),
        ({"attachments": [{"url": "https://example.com/", "type": "image", "evil": 1}]}, "INVALID_PAYLOAD"),
        ({"attachments": [{"url": "javascript:x", "type": "image"}]}, "INVALID_PAYLOAD"),
        ({"attachments": [{"url": "https://example.com/", "type": "image", "size": 1.5}]}, "INVALID_PAYLOAD"),
        ({"attachments": [{"url": "https://example.com/", "type": "image", "size": 10**30}]}, "INVALID_PAYLOAD"),
        ({"attachments": [{"id": "nonsense"}]}, "INVALID_PAYLOAD"),
        ({"attachments": [{"id": NOTHINGS}]}, "INVALID_PAYLOAD"),
        ({"attachments": [{"url": "https://example.com/", "type": "image"}] * 11}, "INVALID_PAYLOAD"),
        ({"replyToId": NOTHINGS}, "INVALID_PAYLOAD"),
        ({"replyToId": 7}, "INVALID_PAYLOAD"),
        ({"mentions": [NOTHINGS]}, "INVALID_PAYLOAD"),
        ({"mentions": ["nonsense"]}, "INVALID_PAYLOAD"),
        ({"ciphertext": "AAEC"}, "INVALID_PAYLOAD"),
        ({"text": "", "ciphertext": "A" * 100_001}, "PAYLOAD_TOO_LARGE"),
        ({"reply_to_id": None}, "INVALID_PAYLOAD"),
    ],
    ids=str,
)
def test_bad_content_is_refused_and_the_connection_stays(
    connect: Connect, group: Conversation, alice: User, more: dict[str, Any], code: str
) -> None:
    client = connect(alice)
    assert refusal(client, "message.send", **({"conversationId": str(group.pk), "text": "x"} | more)) == code
    assert client.call("ping")
    client.hears_nothing(MessageNew)


def test_a_message_is_edited_and_deleted_before_all_eyes(
    connect: Connect, message: Message, group: Conversation, alice: User, bob: User
) -> None:
    speaker, listener = connect(bob), connect(alice)
    reply = speaker.call("message.edit", {"messageId": str(message.pk), "text": "two"})
    heard = listener.expect(MessageEdited)
    assert (heard.id, heard.text, heard.edited_at) == (str(message.pk), "two", reply["editedAt"])
    assert reply.keys() == {"messageId", "editedAt"}
    assert speaker.call("message.delete", {"messageId": str(message.pk)}) == {}
    gone = MessageDeleted(message_id=str(message.pk), conversation_id=str(group.pk), for_everyone=True)
    assert listener.expect(MessageDeleted) == gone == speaker.expect(MessageDeleted)
    speaker.call("message.delete", {"messageId": str(message.pk)})
    listener.hears_nothing(MessageDeleted)
    assert refusal(speaker, "message.edit", messageId=str(message.pk), text="three") == "NOT_FOUND"


def test_what_one_deletes_for_oneself_is_gone_on_all_of_ones_devices(
    connect: Connect, message: Message, alice: User, bob: User
) -> None:
    phone, laptop, other = connect(bob), connect(bob), connect(alice)
    phone.call("message.delete", {"messageId": str(message.pk), "forEveryone": False})
    for device in (phone, laptop):
        assert not device.expect(MessageDeleted, messageId=str(message.pk)).for_everyone
    other.hears_nothing(MessageDeleted)


def test_reactions_come_and_go(connect: Connect, message: Message, alice: User, bob: User) -> None:
    client, listener = connect(alice), connect(bob)
    data = {"messageId": str(message.pk), "emoji": THUMB}
    for remove in (False, True):
        for _ in range(2):
            assert client.call("message.react", data | {"remove": remove}) == {}
        heard = listener.expect(MessageReaction)
        assert (heard.user_id, heard.emoji, heard.removed) == (str(alice.pk), THUMB, remove)
        listener.hears_nothing(MessageReaction)


def test_receipts_are_heard_once(connect: Connect, group: Conversation, alice: User, bob: User) -> None:
    first, second = say(group, bob, "one", "two")
    client, listener = connect(alice), connect(bob)
    for _ in range(2):
        assert client.call("message.delivered", {"messageId": str(second.pk)}) == {}
        assert client.call("message.read", {"messageId": str(first.pk), "conversationId": str(group.pk)}) == {}
    told = [listener.expect(MessageReceipt) for _ in range(2)]
    assert [(one.type, one.message_id) for one in told] == [("delivered", str(second.pk)), ("read", str(first.pk))]
    assert {one.user_id for one in told} == {str(alice.pk)}
    listener.hears_nothing(MessageReceipt)


@pytest.mark.parametrize(
    ("command", "data"),
    [
        ("message.edit", {"text": "x"}),
        ("message.delete", {}),
        ("message.react", {"emoji": THUMB}),
        ("message.delivered", {}),
        ("message.read", {}),
    ],
)
def test_who_does_not_see_a_message_does_nothing_with_it(
    connect: Connect, message: Message, alice: User, bob: User, carol: User, command: str, data: dict[str, Any]
) -> None:
    block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    listener = connect(bob)
    for user in (carol, alice):
        client = connect(user)
        for target in (str(message.pk), str(uuid7())):
            assert refusal(client, command, messageId=target, **data) == "NOT_FOUND"
        for wrong in ({}, {"messageId": "x"}, {"messageId": None}, {"messageId": str(message.pk), "more": 1}):
            assert refusal(client, command, **(data | wrong)) == "INVALID_PAYLOAD"
    listener.hears_nothing(*ALL)


@pytest.mark.parametrize(
    ("command", "data", "code"),
    [
        ("message.edit", {}, "INVALID_PAYLOAD"),
        ("message.edit", {"text": ""}, "INVALID_PAYLOAD"),
        ("message.edit", {"text": 1}, "INVALID_PAYLOAD"),
        ("message.edit", {"text": "x" * 10_001}, "PAYLOAD_TOO_LARGE"),
        ("message.delete", {"forEveryone": "yes"}, "INVALID_PAYLOAD"),
        ("message.react", {}, "INVALID_PAYLOAD"),
        ("message.react", {"emoji": "hello"}, "INVALID_PAYLOAD"),
        ("message.react", {"emoji": THUMB, "remove": 1}, "INVALID_PAYLOAD"),
        ("message.read", {"conversationId": "x"}, "INVALID_PAYLOAD"),
        ("message.read", {"conversationId": str(uuid7())}, "NOT_FOUND"),
    ],
)
def test_bad_input_is_an_error_and_changes_nothing(
    connect: Connect, message: Message, bob: User, command: str, data: dict[str, Any], code: str
) -> None:
    client = connect(bob)
    assert refusal(client, command, messageId=str(message.pk), **data) == code
    client.hears_nothing(*ALL)


def test_others_may_not_edit_nor_delete_for_all(connect: Connect, group: Conversation, alice: User, bob: User) -> None:
    owners = say(group, alice, "mine")[0]
    client = connect(bob)
    assert refusal(client, "message.edit", messageId=str(owners.pk), text="x") == "FORBIDDEN"
    assert refusal(client, "message.delete", messageId=str(owners.pk), forEveryone=True) == "FORBIDDEN"
    client.hears_nothing(*ALL)


def test_blocked_people_hear_nothing_of_each_other_in_a_group(
    connect: Connect, group: Conversation, alice: User, bob: User, carol: User
) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    shared = say(group, alice, "for all")[0]
    block_user(blocker_id=carol.pk, blocked_id=bob.pk)
    deaf, speaker, witness = connect(carol), connect(bob), connect(alice)
    sent = speaker.call("message.send", {"conversationId": str(group.pk), "text": "one"})["messageId"]
    speaker.call("message.edit", {"messageId": sent, "text": "two"})
    for message in (sent, str(shared.pk)):
        speaker.call("message.react", {"messageId": message, "emoji": THUMB})
        speaker.call("message.delivered", {"messageId": message})
        speaker.call("message.read", {"messageId": message})
    speaker.call("message.delete", {"messageId": sent})
    witness.expect(MessageDeleted)
    deaf.hears_nothing(*ALL)
