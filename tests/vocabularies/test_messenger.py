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


@pytest.mark.parametrize(("name", "command"), [("typing-start", "typing.start"), ("typing-stop", "typing.stop")])
def test_typing_is_said_of_a_bare_conversation(name: str, command: str) -> None:
    ask = ASKS[name]
    assert (ask.command, ask.payload(ALICE, ["c1", "more"]), ask.reply) == (command, {"conversationId": "c1"}, None)
    with pytest.raises(ClientError):
        ask.payload(ALICE, [])


@pytest.mark.parametrize(("event", "name"), [("typing.started", "typing"), ("typing.stopped", "typing-stop")])
def test_typing_is_told_in_two_arguments(event: str, name: str) -> None:
    tell = TELLS[event]
    assert (tell.name, list(tell.arguments({"userId": "u", "conversationId": "c1"}, AT))) == (name, ["u", "c1"])


def test_a_status_is_said_as_a_bare_word() -> None:
    ask = ASKS["presence-update"]
    assert (ask.command, ask.payload(ALICE, ["away"]), ask.reply) == ("presence.set", {"status": "away"}, None)


def test_who_is_online_is_whoever_is_not_offline() -> None:
    ask = ASKS["get-online-users"]
    assert (ask.command, ask.payload(ALICE, ["c1"])) == ("presence.get", {"conversationId": "c1"})
    statuses = ("online", "away", "busy", "dnd", "offline")
    members = [{"userId": status, "status": status, "text": "", "lastSeenAt": None} for status in statuses]
    reply = {"conversationId": "c1", "members": members}
    expected = {"conversationId": "c1", "users": ["online", "away", "busy", "dnd"]}
    assert ask.reply is not None
    assert (ask.reply.name, list(ask.reply.arguments(reply, AT))) == ("online-users", [expected])
    assert ask.ack(ALICE, reply) == expected


def test_a_heartbeat_is_answered_with_nothing() -> None:
    ask = ASKS["heartbeat"]
    assert (ask.command, ask.payload(ALICE, ["anything"])) == ("heartbeat", {})
    assert ask.reply is not None
    assert (ask.reply.name, list(ask.reply.arguments({"timestamp": "now"}, AT))) == ("heartbeat-ack", [])
