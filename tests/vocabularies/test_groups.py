"""groups: the tables as pure functions."""

import pytest

from tests.vocabularies.people import ALICE, AT, MESSAGE, RICH
from vocabularies.groups import ASKS, TELLS

WORDS = {
    "id": "m1",
    "senderId": "0190a",
    "groupId": "c1",
    "text": "hi",
    "timestamp": "2026-01-31T12:00:00.000Z",
    "readBy": ["0190a"],
}


def test_a_message_is_told_as_new_message() -> None:
    tell = TELLS["message.new"]
    assert tell.name == "newMessage"
    assert list(tell.arguments(MESSAGE, AT)) == [WORDS | {"attachments": []}]
    assert list(tell.arguments(RICH, AT)) == [WORDS | {"attachments": RICH["attachments"]}]


@pytest.mark.parametrize(
    ("status", "is_online"), [("online", True), ("away", True), ("busy", True), ("dnd", True), ("offline", False)]
)
def test_presence_is_told_as_user_online(status: str, is_online: bool) -> None:
    tell = TELLS["presence.changed"]
    data = {"userId": "u", "status": status, "text": "in a meeting", "lastSeenAt": None}
    assert tell.name == "userOnline"
    assert list(tell.arguments(data, AT)) == [{"userId": "u", "isOnline": is_online}]


def test_send_message_is_understood() -> None:
    ask = ASKS["sendMessage"]
    sent = {"groupId": "c1", "text": "hi", "attachments": [{"url": "u", "type": "image"}], "tempId": "t", "more": 1}
    assert ask.command == "message.send"
    assert ask.payload(ALICE, [sent]) == {
        "conversationId": "c1",
        "text": "hi",
        "attachments": [{"url": "u", "type": "image"}],
        "tempId": "t",
    }
    assert ask.payload(ALICE, [{"groupId": "c1", "text": "", "attachments": []}]) == {
        "conversationId": "c1",
        "text": "",
    }


@pytest.mark.parametrize(("name", "command"), [("joinGroup", "rooms.subscribe"), ("leaveGroup", "rooms.unsubscribe")])
def test_groups_are_joined_and_left(name: str, command: str) -> None:
    ask = ASKS[name]
    assert ask.command == command
    assert ask.payload(ALICE, [{"groupId": "c1"}]) == {"room": "conversation", "id": "c1"}
    assert ask.ack(ALICE, {"room": "conversation:c1"}) == {"groupId": "c1"}
    assert ask.reply is None


def test_what_was_read_is_told_and_what_has_only_arrived_is_not() -> None:
    tell, data = TELLS["message.receipt"], {"messageId": "m1", "conversationId": "c1", "userId": "u"}
    assert tell.name == "messageRead"
    assert list(tell.arguments(data | {"type": "read"}, AT)) == [{"messageId": "m1", "userId": "u"}]
    assert tell.when is not None
    assert tell.when(data | {"type": "read"})
    assert not tell.when(data | {"type": "delivered"})


def test_mark_as_read_is_understood() -> None:
    ask = ASKS["markAsRead"]
    assert ask.command == "message.read"
    sent = {"messageId": "m1", "groupId": "c1", "more": 1}
    assert ask.payload(ALICE, [sent]) == {"messageId": "m1", "conversationId": "c1"}
    assert ask.payload(ALICE, [{"messageId": "m1"}]) == {"messageId": "m1"}


@pytest.mark.parametrize("event", ["message.edited", "message.deleted", "message.reaction"])
def test_edits_deletions_and_reactions_have_no_name_here(event: str) -> None:
    assert event not in TELLS
