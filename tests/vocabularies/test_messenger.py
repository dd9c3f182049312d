"""messenger: the tables as pure functions."""

from typing import Any

import pytest

from realtime.errors import ClientError
from tests.vocabularies.people import ALICE, AT, MESSAGE, RICH
from vocabularies.messenger import ASKS, TELLS

WORDS = {key: MESSAGE[key] for key in ("id", "conversationId", "senderId", "text", "createdAt")}


def test_a_message_is_told_whole() -> None:
    tell = TELLS["message.new"]
    assert tell.name == "message-new"
    plain = WORDS | {"attachments": [], "replyToId": None, "reactions": [], "editedAt": None}
    assert list(tell.arguments(MESSAGE, AT)) == [plain]
    more = ("attachments", "replyToId", "reactions", "editedAt")
    assert list(tell.arguments(RICH, AT)) == [WORDS | {key: RICH[key] for key in more}]


def test_presence_is_told_in_two_arguments() -> None:
    tell = TELLS["presence.changed"]
    data = {"userId": "u", "status": "away", "text": "", "lastSeenAt": None}
    assert (tell.name, list(tell.arguments(data, AT))) == ("presence", ["u", "away"])


@pytest.mark.parametrize(
    ("name", "command", "reply"),
    [("join-room", "rooms.subscribe", "room-joined"), ("leave-room", "rooms.unsubscribe", "room-left")],
)
def test_conversations_are_joined_and_left_by_their_bare_id(name: str, command: str, reply: str) -> None:
    ask = ASKS[name]
    assert ask.command == command
    assert ask.payload(ALICE, ["c1"]) == {"room": "conversation", "id": "c1"}
    assert ask.reply is not None
    told = ask.reply.arguments({"room": "conversation:c1"}, AT)
    assert (ask.reply.name, list(told)) == (reply, [{"conversationId": "c1"}])
    assert ask.ack(ALICE, {"room": "conversation:c1"}) == {"conversationId": "c1"}
    assert not ask.is_either
    with pytest.raises(ClientError) as refused:
        ask.payload(ALICE, [])
    assert refused.value.code == "INVALID_PAYLOAD"


def test_who_may_not_join_hears_it_in_the_familys_code() -> None:
    assert ASKS["join-room"].errors == {"FORBIDDEN": "JOIN_ROOM_FAILED"}


def test_send_message_is_understood_and_answered() -> None:
    ask = ASKS["send-message"]
    sent: dict[str, Any] = {
        "conversationId": "c1",
        "text": "hi",
        "attachments": [],
        "replyToId": None,
        "tempId": "t",
        "more": 1,
    }
    assert ask.command == "message.send"
    assert ask.payload(ALICE, [sent]) == {"conversationId": "c1", "text": "hi", "tempId": "t"}
    attachments = [{"url": "u", "type": "image"}]
    full = {"conversationId": "c1", "text": "", "attachments": attachments, "replyToId": "m0", "tempId": "t"}
    assert ask.payload(ALICE, [full]) == full
    assert ask.reply is not None
    told = ask.reply.arguments({"tempId": "t", "messageId": "m1"}, AT)
    assert (ask.reply.name, list(told)) == ("message-ack", ["t", "m1"])


def test_a_heartbeat_is_answered_with_nothing() -> None:
    ask = ASKS["heartbeat"]
    assert (ask.command, ask.payload(ALICE, ["anything"])) == ("heartbeat", {})
    assert ask.reply is not None
    assert (ask.reply.name, list(ask.reply.arguments({"timestamp": "now"}, AT))) == ("heartbeat-ack", [])


# -- what becomes of messages ----------------------------------------------------------------------------------


def test_an_edited_message_is_told_whole() -> None:
    tell = TELLS["message.edited"]
    assert tell.name == "message-edited"
    assert list(tell.arguments(RICH, AT)) == list(TELLS["message.new"].arguments(RICH, AT))


def test_only_an_encrypted_message_has_a_ciphertext() -> None:
    (plain,) = TELLS["message.new"].arguments(MESSAGE | {"ciphertext": None}, AT)
    (encrypted,) = TELLS["message.new"].arguments(MESSAGE | {"text": "", "ciphertext": "AAEC"}, AT)
    assert "ciphertext" not in plain
    assert encrypted == plain | {"text": "", "ciphertext": "AAEC"}


OF_MESSAGE = {"messageId": "m1", "conversationId": "c1"}


@pytest.mark.parametrize(
    ("event", "data", "name", "arguments"),
    [
        ("message.deleted", {"forEveryone": True}, "message-deleted", ["m1"]),
        ("message.deleted", {"forEveryone": False}, "message-deleted", ["m1"]),
        ("message.receipt", {"userId": "u", "type": "delivered"}, "receipt", ["m1", "u", "delivered"]),
        ("message.receipt", {"userId": "u", "type": "read"}, "receipt", ["m1", "u", "seen"]),
        (
            "message.reaction",
            {"userId": "u", "emoji": "+1", "removed": False},
            "message-reaction",
            ["m1", "u", "+1", False],
        ),
    ],
)
def test_what_becomes_of_a_message_is_told_in_arguments(
    event: str, data: dict[str, Any], name: str, arguments: list[Any]
) -> None:
    tell = TELLS[event]
    assert (tell.name, list(tell.arguments(OF_MESSAGE | data, AT)), tell.when) == (name, arguments, None)


@pytest.mark.parametrize(
    ("name", "command", "sent"),
    [
        ("edit-message", "message.edit", {"messageId": "m1", "text": "two"}),
        ("delete-message", "message.delete", {"messageId": "m1", "forEveryone": False}),
        ("message-delivered", "message.delivered", {"messageId": "m1"}),
        ("message-seen", "message.read", {"messageId": "m1", "conversationId": "c1"}),
        ("react", "message.react", {"messageId": "m1", "emoji": "+1", "remove": True}),
    ],
)
def test_what_is_done_with_a_message_is_asked_as_the_canonical_command(
    name: str, command: str, sent: dict[str, Any]
) -> None:
    ask = ASKS[name]
    assert ask.command == command
    assert ask.payload(ALICE, [sent | {"unknown": 1, "userId": None}]) == sent
    assert ask.payload(ALICE, [{"messageId": "m1"}]) == {"messageId": "m1"}
    assert ask.reply is None


def test_of_attachments_only_what_is_known_is_understood() -> None:
    known = {"url": "u", "type": "image", "name": "n", "size": 1, "thumbnailUrl": "t"}
    sent = {"conversationId": "c1", "attachments": [known | {"localPath": "a.png", "width": None}, "nonsense"]}
    assert ASKS["send-message"].payload(ALICE, [sent])["attachments"] == [known, "nonsense"]
    assert ASKS["send-message"].payload(ALICE, [{"attachments": "x"}]) == {"attachments": "x"}
