"""Names of the chat's families that no other test has official clients say or hear."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User
from chat import services
from chat.models import Conversation, Message
from tests.chat.files import media
from tests.integration.conftest import Site, pair
from tests.integration.families import Connect, logged_in
from tests.integration.javascript import JavaScriptClient

__all__ = ["media"]
pytestmark = pair
Person = Callable[..., User]
People = tuple[JavaScriptClient, JavaScriptClient]
THUMB = "\U0001f44d"


@pytest.fixture
def direct(transactional_db: None, alice: User, bob: User) -> Conversation:
    return services.create_conversation(creator_id=alice.pk, kind="direct", members=[bob.pk])


@pytest.fixture
def message(group: Conversation, bob: User) -> Message:
    """Bob's, in Alice's group."""
    return services.send_message(sender_id=bob.pk, conversation_id=group.pk, text="one")


def in_groups(client: JavaScriptClient) -> JavaScriptClient:
    """Greeted, with a token in the handshake."""
    client.expect("connected")
    return client


@pytest.fixture
def groups(site: Site, javascript: Connect, group: Conversation, alice: User, bob: User) -> People:
    """Alice and Bob, on two processes, in the words of groups."""
    one, two = site.servers
    return in_groups(javascript(one, alice)), in_groups(javascript(two, bob))


@pytest.fixture
def messengers(site: Site, javascript: Connect, group: Conversation, alice: User, bob: User) -> People:
    """The same two, in the words of messenger."""
    one, two = site.servers
    return logged_in(javascript(one), alice, group.pk), logged_in(javascript(two), bob, group.pk)


# -- groups --------------------------------------------------------------------------------------------------


def test_two_in_a_direct_conversation_are_a_group(
    site: Site, javascript: Connect, direct: Conversation, alice: User, bob: User, carol: User
) -> None:
    sender, reader = in_groups(javascript(site.servers[0], alice)), in_groups(javascript(site.servers[1], bob))
    outside = in_groups(javascript(site.servers[1], carol))
    sender.emit("sendMessage", {"groupId": str(direct.pk), "text": "you and me", "attachments": []})
    for client in (sender, reader):
        told = client.expect("newMessage")
        assert (told["groupId"], told["text"], told["readBy"]) == (str(direct.pk), "you and me", [str(alice.pk)])
    reader.emit("markAsRead", {"messageId": told["id"], "groupId": str(direct.pk)})
    assert sender.expect("messageRead") == {"messageId": told["id"], "userId": str(bob.pk)}
    outside.hears_nothing("newMessage", "messageRead", "userOnline")


def test_groups_are_left_and_joined_without_an_acknowledgement(groups: People, group: Conversation) -> None:
    speaker, client = groups
    room = {"groupId": str(group.pk)}
    for name, text, is_heard in (
        ("leaveGroup", "away", False),
        ("leaveGroup", "away still", False),
        ("joinGroup", "back", True),
        ("joinGroup", "back once", True),
    ):
        client.emit(name, room)
        client.call("ping")  # so that it has been done
        speaker.emit("sendMessage", room | {"text": text})
        speaker.expect("newMessage", text=text)
        if is_heard:
            client.expect("newMessage", text=text)
        client.hears_nothing("newMessage", "error")


def test_whoever_is_no_member_has_no_group_to_leave(
    site: Site, javascript: Connect, group: Conversation, person: Person
) -> None:
    client = in_groups(javascript(site.servers[0], person("dora")))
    refusal = client.call("leaveGroup", {"groupId": str(group.pk)})
    assert (refusal["success"], refusal["code"]) == (False, "FORBIDDEN")
    client.emit("leaveGroup", {"groupId": str(group.pk)})
    assert client.expect("error") == {"message": refusal["error"], "code": "FORBIDDEN"}


def test_reading_in_one_family_is_heard_in_the_other(
    site: Site, javascript: Connect, groups: People, messengers: People, group: Conversation, alice: User, bob: User
) -> None:
    for number, (reader, name) in enumerate(((groups[1], "markAsRead"), (messengers[1], "message-seen"))):
        said = services.send_message(sender_id=alice.pk, conversation_id=group.pk, text=str(number))
        reader.emit(name, {"messageId": str(said.pk), "groupId": str(group.pk), "conversationId": str(group.pk)})
        assert groups[0].expect("messageRead") == {"messageId": str(said.pk), "userId": str(bob.pk)}
        assert messengers[0].expect("receipt") == [str(said.pk), str(bob.pk), "seen"]


def test_whoever_is_no_member_has_no_room_to_leave(
    site: Site, javascript: Connect, group: Conversation, person: Person
) -> None:
    client = logged_in(javascript(site.servers[0]), person("dora"))
    client.emit("leave-room", str(group.pk))
    error = client.expect("error")
    assert error["code"] == "JOIN_ROOM_FAILED"
    assert client.call("leave-room", str(group.pk)) == {"success": False, "error": error.pop("message")} | error
    client.hears_nothing("room-left")


# -- messenger -----------------------------------------------------------------------------------------------


def test_what_is_done_over_rest_is_heard_in_the_words_of_messenger(
    site: Site, messengers: People, message: Message, bob: User
) -> None:
    server, path = site.servers[0], f"messages/{message.pk}/"
    server.rest(bob, "PATCH", path, {"text": "two"})
    server.rest(bob, "POST", f"{path}reactions/", {"emoji": THUMB})
    server.rest(bob, "DELETE", path)
    for client in messengers:
        assert client.expect("message-edited")["text"] == "two"
        assert client.expect("message-reaction") == [str(message.pk), str(bob.pk), THUMB, False]
        assert client.expect("message-deleted") == str(message.pk)


def test_mentions_are_taken_and_a_message_of_unknown_people_is_not(
    messengers: People, group: Conversation, bob: User, person: Person
) -> None:
    sender, listener = messengers
    letter: dict[str, Any] = {"conversationId": str(group.pk), "text": "@bob", "tempId": "t1"}
    sender.emit("send-message", letter | {"mentions": [str(bob.pk)]})
    assert sender.expect("message-ack") == ["t1", listener.expect("message-new")["id"]]
    assert Message.objects.get().mentions == [str(bob.pk)]
    sender.emit("send-message", letter | {"tempId": "t2", "mentions": "bob"})
    assert sender.expect("error")["code"] == "INVALID_PAYLOAD"


def test_an_encrypted_message_is_edited_encrypted(messengers: People, group: Conversation) -> None:
    sender, listener = messengers
    letter = {"conversationId": str(group.pk), "ciphertext": "AAEC", "tempId": "t1"}
    message = sender.call("send-message", letter)["messageId"]
    sender.emit("edit-message", {"messageId": message, "ciphertext": "AAED"})
    told = listener.expect("message-edited")
    assert (told["id"], told["text"], told["ciphertext"]) == (message, "", "AAED")


def test_who_runs_a_group_deletes_what_others_said(messengers: People, message: Message) -> None:
    owner, sender = messengers
    owner.emit("delete-message", {"messageId": str(message.pk), "forEveryone": True})
    for client in messengers:
        assert client.expect("message-deleted") == str(message.pk)
    sender.hears_nothing("error", "message-deleted")


def test_a_call_between_messengers_is_rejected_or_given_up(messengers: People, direct: Conversation, bob: User) -> None:
    caller, phone = messengers
    for client, name, reason in ((phone, "call-reject", "busy"), (caller, "call-hangup", None)):
        call = caller.call("call-invite", {"conversationId": str(direct.pk), "media": "audio"})["callId"]
        assert phone.expect("call-invite")["callId"] == call
        client.emit(name, {"callId": call, "reason": "busy"})
        heard = (caller if client is phone else phone).expect(name)
        assert (heard["callId"], heard["conversationId"]) == (call, str(direct.pk))
        if reason is not None:
            assert (heard["userId"], heard["reason"]) == (str(bob.pk), reason)
    for client in messengers:
        client.hears_nothing("error", "call-accept")


def test_what_staff_take_out_is_gone_from_the_screens(
    site: Site, messengers: People, group: Conversation, message: Message, bob: User, media: Any
) -> None:
    file = services.upload(uploader_id=bob.pk, file=SimpleUploadedFile("a.txt", b"hello"), name="a.txt")
    named = [{"id": str(file.pk)}]
    filed = services.send_message(sender_id=bob.pk, conversation_id=group.pk, text="look", attachments=named)
    services.delete_attachment(attachment_id=file.pk)
    services.delete_for_all(message_id=message.pk)
    for client in messengers:
        assert len(client.expect("message-new", id=str(filed.pk))["attachments"]) == 1
        told = client.expect("message-edited")
        assert (told["id"], told["text"], told["attachments"]) == (str(filed.pk), "look", [])
        assert client.expect("message-deleted") == str(message.pk)
