"""The messenger family, as its official clients live it."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from accounts.tokens import access_token
from chat import services
from chat.models import Conversation, Message
from tests.integration.conftest import HASTY, Site, pair
from tests.integration.families import TIME, Connect, logged_in
from tests.integration.servers import ServerProcess

pytestmark = pair
Person = Callable[..., User]
Say = Callable[..., None]


def letter(group: Conversation, text: str, **more: Any) -> dict[str, Any]:
    """The argument of `send-message`."""
    return {"conversationId": str(group.pk), "text": text, "tempId": text} | more


def test_a_message_is_acknowledged_and_then_told_to_all_who_joined(
    site: Site, javascript: Connect, group: Conversation, alice: User, bob: User, carol: User
) -> None:
    sender, other_device = (logged_in(javascript(server), alice, group.pk) for server in site.servers)
    listener = logged_in(javascript(site.servers[1]), bob, group.pk)
    outside = logged_in(javascript(site.servers[1]), carol)
    sender.emit("send-message", letter(group, "hello", unknown="is ignored"))
    ack, told = sender.sequence(2, "message-ack", "message-new")
    message = told.payload
    assert (ack.name, ack.arguments) == ("message-ack", ["hello", message["id"]])
    assert listener.expect("message-new") == message == other_device.expect("message-new")
    assert re.fullmatch(TIME, message.pop("createdAt"))
    assert message == {
        "id": str(Message.objects.get().pk),
        "conversationId": str(group.pk),
        "senderId": str(alice.pk),
        "text": "hello",
        "attachments": [],
        "replyToId": None,
        "reactions": [],
        "editedAt": None,
    }
    outside.hears_nothing("message-new", "message-ack", "newMessage")
    other_device.hears_nothing("message-new", "message-ack")


def test_the_same_temp_id_again_gets_the_same_answer_and_makes_no_second_message(
    site: Site, javascript: Connect, group: Conversation, alice: User
) -> None:
    clients = [logged_in(javascript(server), alice, group.pk) for server in site.servers]
    ids = set()
    for client in clients * 2:
        client.emit("send-message", letter(group, "once"))
        temp_id, message_id = client.expect("message-ack")
        assert temp_id == "once"
        ids.add(message_id)
    answer = clients[0].call("send-message", letter(group, "once"))
    assert ids == {answer["messageId"], str(Message.objects.get().pk)}
    for client in clients:
        client.expect("message-new")
        client.hears_nothing("message-new")


def test_a_message_may_come_with_attachments_and_reply_left_empty(
    site: Site, javascript: Connect, group: Conversation, alice: User
) -> None:
    client = logged_in(javascript(site.servers[0]), alice, group.pk)
    client.emit("send-message", letter(group, "hello", attachments=[], replyToId=None))
    assert client.expect("message-ack")[0] == "hello"


def test_a_message_over_rest_is_acknowledged_on_all_of_its_senders_clients(
    site: Site, javascript: Connect, group: Conversation, alice: User, bob: User
) -> None:
    devices = [logged_in(javascript(server), alice, group.pk) for server in site.servers]
    other = logged_in(javascript(site.servers[0]), bob, group.pk)
    path = f"conversations/{group.pk}/messages/"
    answer = site.servers[0].rest(alice, "POST", path, {"text": "by REST", "tempId": "t1"})
    for device in devices:
        ack, told = device.sequence(2, "message-ack", "message-new")
        assert (ack.name, ack.arguments) == ("message-ack", ["t1", answer["id"]])
        assert told.payload["id"] == answer["id"]
    other.hears_nothing("message-ack")


def test_after_leaving_a_room_nothing_of_it_comes(
    site: Site, javascript: Connect, say: Say, group: Conversation, bob: User, carol: User
) -> None:
    client = logged_in(javascript(site.servers[0]), bob, group.pk)
    witness = logged_in(javascript(site.servers[0]), carol, group.pk)
    client.emit("leave-room", str(group.pk))
    assert client.expect("room-left") == {"conversationId": str(group.pk)}
    say("unheard")
    witness.expect("message-new")
    client.hears_nothing("message-new")
    for _ in range(2):  # again succeeds, and counts once
        assert client.call("join-room", str(group.pk)) == {"conversationId": str(group.pk)}
        client.expect("room-joined", conversationId=str(group.pk))
    say("heard")
    assert client.expect("message-new")["text"] == "heard"
    client.hears_nothing("message-new")


@pytest.mark.parametrize("room", ["the group", "018f0000-0000-7000-8000-000000000000", "nonsense", "../x", "", 7, None])
def test_who_is_no_member_cannot_join(
    site: Site, javascript: Connect, group: Conversation, alice: User, person: Person, room: object
) -> None:
    dora = person("dora")
    client = logged_in(javascript(site.servers[0]), dora)
    asked = str(group.pk) if room == "the group" else room
    client.emit("join-room", asked)
    error = client.expect("error")
    answer = client.call("join-room", asked)
    expected = {"JOIN_ROOM_FAILED"} if room in {"the group"} else {"JOIN_ROOM_FAILED", "INVALID_PAYLOAD"}
    assert error["code"] in expected
    assert answer == {"success": False, "error": error.pop("message")} | error
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=dora.pk)
    client.emit("join-room", str(group.pk))
    assert client.expect("room-joined")


def test_who_is_removed_hears_no_more(
    site: Site, javascript: Connect, say: Say, group: Conversation, alice: User, bob: User, carol: User
) -> None:
    client = logged_in(javascript(site.servers[1]), bob, group.pk)
    witness = logged_in(javascript(site.servers[1]), carol, group.pk)
    site.servers[0].rest(alice, "DELETE", f"conversations/{group.pk}/members/{bob.pk}/")
    say("without Bob")
    witness.expect("message-new")
    client.hears_nothing("message-new")
    client.emit("send-message", letter(group, "let me"))
    assert client.expect("error")["code"] == "NOT_FOUND"


def test_so_many_rooms_a_client_and_no_more(
    hasty: ServerProcess, javascript: Connect, group: Conversation, alice: User, person: Person
) -> None:
    most = int(HASTY["REALTIME_MAX_ROOMS"])
    more = [
        services.create_conversation(creator_id=alice.pk, kind="group", title=str(number), members=[])
        for number in range(most)
    ]
    client = logged_in(javascript(hasty), alice, group.pk, *[room.pk for room in more[: most - 1]])
    last = str(more[-1].pk)
    client.emit("join-room", last)
    assert client.expect("error")["code"] == "TOO_MANY_ROOMS"
    answer = client.call("join-room", last)
    assert (answer["success"], answer["code"]) == (False, "TOO_MANY_ROOMS")
    assert client.call("subscribe", {"room": "global"})["success"] is True  # joined by itself, so not counted
    assert client.call("join-room", str(group.pk)) == {"conversationId": str(group.pk)}
    client.call("leave-room", str(group.pk))
    assert client.call("join-room", last) == {"conversationId": last}


def test_a_heartbeat_is_answered_without_arguments(site: Site, javascript: Connect, alice: User) -> None:
    client = logged_in(javascript(site.servers[0]), alice)
    client.emit("heartbeat")
    assert client.expect("heartbeat-ack") == []
    client.call("heartbeat")
    assert client.expect("heartbeat-ack") == []


def test_presence_comes_as_arguments_of_those_whose_rooms_were_joined(
    site: Site, javascript: Connect, group: Conversation, alice: User, bob: User, carol: User
) -> None:
    watcher = logged_in(javascript(site.servers[0]), bob, group.pk)
    devices = [logged_in(javascript(server), alice) for server in site.servers]
    assert watcher.expect("presence", str(alice.pk)) == [str(alice.pk), "online"]
    for device in devices:
        device.disconnect()
    assert watcher.expect("presence", str(alice.pk)) == [str(alice.pk), "offline"]
    watcher.hears_nothing("presence", "userOnline")


# -- with a token in the handshake -----------------------------------------------------------------------------


def test_auth_turns_a_client_with_a_token_into_a_messenger(
    site: Site, javascript: Connect, say: Say, group: Conversation, bob: User, carol: User
) -> None:
    client, witness = javascript(site.servers[0], bob), javascript(site.servers[0], carol)
    client.expect("connected")
    client.emit("auth", access_token(bob))
    assert client.expect("auth-success") == {"userId": str(bob.pk)}
    witness.expect("connected")
    say("not joined")
    witness.expect("newMessage")
    client.hears_nothing("newMessage", "message-new", "error")
    client.emit("join-room", str(group.pk))
    client.expect("room-joined")
    say("joined")
    assert client.expect("message-new")["text"] == "joined"
    client.hears_nothing("newMessage")


def test_join_room_turns_a_client_with_a_token_into_a_messenger(
    site: Site, javascript: Connect, say: Say, group: Conversation, alice: User, bob: User
) -> None:
    other = services.create_conversation(creator_id=alice.pk, kind="group", title="Other", members=[bob.pk])
    client = javascript(site.servers[0], bob)
    client.expect("connected")
    client.emit("join-room", str(group.pk))
    client.expect("room-joined")
    services.send_message(sender_id=alice.pk, conversation_id=other.pk, text="not joined")
    say("joined")
    assert client.expect("message-new")["text"] == "joined"
    client.hears_nothing("newMessage", "message-new")


def test_every_name_of_the_namespace_is_understood_from_everybody(
    site: Site, javascript: Connect, group: Conversation, alice: User, bob: User
) -> None:
    messenger = logged_in(javascript(site.servers[0]), alice, group.pk)
    groups = javascript(site.servers[1], bob)
    groups.expect("connected")
    assert messenger.call("sendMessage", {"groupId": str(group.pk), "text": "in words of groups"})["messageId"]
    assert groups.expect("newMessage")["text"] == "in words of groups"
    assert messenger.expect("message-new")["text"] == "in words of groups"
    groups.emit("send-message", letter(group, "in words of messenger"))
    temp_id, message_id = groups.expect("message-ack")
    assert temp_id == "in words of messenger"
    assert groups.expect("newMessage")["id"] == message_id
    assert messenger.expect("message-new")["id"] == message_id
    assert messenger.call("subscribe", {"room": "user"})["room"] == f"user:{alice.pk}"
