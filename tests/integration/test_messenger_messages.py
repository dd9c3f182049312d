"""What becomes of messages in the messenger family, as its official clients live it."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from accounts.models import User
from chat import services
from chat.models import Conversation, Message
from realtime.testing import Client
from tests.integration.conftest import Site, pair
from tests.integration.families import Connect, logged_in
from tests.integration.javascript import JavaScriptClient

pytestmark = pair

THUMB = "\U0001f44d"
EVENTS = ("message-new", "message-edited", "message-deleted", "message-reaction", "receipt")


@pytest.fixture
def message(group: Conversation, alice: User) -> Message:
    """Alice's, in the group."""
    return services.send_message(sender_id=alice.pk, conversation_id=group.pk, text="one")


@pytest.fixture
def people(
    site: Site, javascript: Connect, message: Message, group: Conversation, alice: User, bob: User
) -> tuple[JavaScriptClient, JavaScriptClient]:
    """Alice and Bob, on two processes."""
    first, second = (
        logged_in(javascript(server), user, group.pk) for server, user in zip(site.servers, (alice, bob), strict=True)
    )
    return first, second


People = tuple[JavaScriptClient, JavaScriptClient]


def test_a_message_is_edited_for_all_who_joined(
    site: Site, javascript: Connect, people: People, message: Message, carol: User
) -> None:
    outside = logged_in(javascript(site.servers[1]), carol)
    alice, bob = people
    alice.emit("edit-message", {"messageId": str(message.pk), "text": "two", "unknown": "is ignored"})
    edited = bob.expect("message-edited")
    assert edited == alice.expect("message-edited")
    assert edited.keys() == {
        *("id", "conversationId", "senderId", "text", "attachments"),
        *("replyToId", "reactions", "createdAt", "editedAt"),
    }
    assert (edited["id"], edited["text"], edited["editedAt"] is None) == (str(message.pk), "two", False)
    assert alice.call("edit-message", {"messageId": str(message.pk), "text": "three"}).keys() == {
        "messageId",
        "editedAt",
    }
    assert bob.expect("message-edited")["text"] == "three"
    outside.hears_nothing(*EVENTS)


def test_a_message_is_deleted_for_all_by_its_bare_id(people: People, message: Message) -> None:
    alice, bob = people
    alice.emit("delete-message", {"messageId": str(message.pk)})
    assert bob.expect("message-deleted") == str(message.pk) == alice.expect("message-deleted")
    assert alice.call("delete-message", {"messageId": str(message.pk)}) == {}
    bob.hears_nothing("message-deleted")


def test_a_message_is_deleted_for_oneself_on_ones_own_devices(
    site: Site, javascript: Connect, people: People, message: Message, group: Conversation, bob: User
) -> None:
    other_device = logged_in(javascript(site.servers[0]), bob, group.pk)
    alice, client = people
    client.emit("delete-message", {"messageId": str(message.pk), "forEveryone": False})
    for device in (client, other_device):
        assert device.expect("message-deleted") == str(message.pk)
    alice.hears_nothing("message-deleted")


def test_receipts_are_told_in_three_arguments_once_a_change(people: People, message: Message, bob: User) -> None:
    alice, reader = people
    for _ in range(2):
        reader.emit("message-delivered", {"messageId": str(message.pk)})
    for client in people:
        assert client.expect("receipt") == [str(message.pk), str(bob.pk), "delivered"]
    for _ in range(2):
        assert reader.call("message-seen", {"messageId": str(message.pk)}) == {}
    for client in people:
        assert client.expect("receipt") == [str(message.pk), str(bob.pk), "seen"]
    alice.hears_nothing("receipt", "messageRead")


def test_reading_one_reads_all_before_it(people: People, group: Conversation, message: Message, alice: User) -> None:
    later = services.send_message(sender_id=alice.pk, conversation_id=group.pk, text="two")
    sender, reader = people
    reader.emit("message-seen", {"messageId": str(later.pk), "conversationId": str(group.pk)})
    assert sender.expect("receipt")[0] == str(later.pk)
    for name in ("message-seen", "message-delivered"):
        assert reader.call(name, {"messageId": str(message.pk)}) == {}
    sender.hears_nothing("receipt")


def test_reactions_are_told_in_four_arguments_and_shown_with_the_message(
    people: People, message: Message, bob: User
) -> None:
    alice, client = people
    for removed in (False, True, False):
        for _ in range(2):
            client.emit("react", {"messageId": str(message.pk), "emoji": THUMB, "remove": removed})
        assert alice.expect("message-reaction") == [str(message.pk), str(bob.pk), THUMB, removed]
    alice.emit("edit-message", {"messageId": str(message.pk), "text": "two"})
    assert client.expect("message-edited")["reactions"] == [{"userId": str(bob.pk), "emoji": THUMB}]
    alice.hears_nothing("message-reaction")


def test_a_message_answers_another_and_brings_files(people: People, group: Conversation, message: Message) -> None:
    alice, bob = people
    file = {"url": "https://example.com/a.png", "type": "image/png", "name": "a.png"}
    letter = {"conversationId": str(group.pk), "text": "", "tempId": "t1", "replyToId": str(message.pk)}
    bob.emit("send-message", letter | {"attachments": [file | {"localPath": "is ignored"}]})
    temp_id, _ = bob.expect("message-ack")
    told = alice.expect("message-new")
    assert (temp_id, told["replyToId"], told["attachments"]) == ("t1", str(message.pk), [file])
    bob.emit("send-message", letter | {"tempId": "t2", "replyToId": str(uuid4()), "text": "x"})
    assert bob.expect("error")["code"] == "INVALID_PAYLOAD"


def test_an_encrypted_message_is_relayed_unread(people: People, group: Conversation) -> None:
    alice, bob = people
    bob.emit("send-message", {"conversationId": str(group.pk), "ciphertext": "AAEC", "tempId": "t1"})
    told = alice.expect("message-new")
    assert (told["text"], told["ciphertext"]) == ("", "AAEC")


BAD: list[tuple[str, dict[str, Any] | None, set[str]]] = [
    (name, sent, codes)
    for name in ("edit-message", "delete-message", "message-delivered", "message-seen", "react")
    for sent, codes in (
        (None, {"INVALID_PAYLOAD"}),
        ({}, {"INVALID_PAYLOAD"}),
        ({"messageId": "nonsense", "text": "x", "emoji": THUMB}, {"INVALID_PAYLOAD"}),
        ({"messageId": str(uuid4()), "text": "x", "emoji": THUMB}, {"NOT_FOUND"}),
    )
]


@pytest.mark.parametrize(("name", "sent", "codes"), BAD)
def test_bad_input_is_an_error_and_the_client_goes_on(
    people: People, name: str, sent: dict[str, Any] | None, codes: set[str]
) -> None:
    alice, bob = people
    assert bob.call(name, sent)["code"] in codes
    bob.emit(name, sent)
    assert bob.expect("error")["code"] in codes
    assert bob.call("heartbeat")
    alice.hears_nothing(*EVENTS)


def test_a_stranger_does_nothing_with_a_message(
    site: Site, javascript: Connect, people: People, message: Message, person: Callable[..., User]
) -> None:
    stranger = logged_in(javascript(site.servers[0]), person("dora"))
    for name in ("edit-message", "delete-message", "message-delivered", "message-seen", "react"):
        sent = {"messageId": str(message.pk), "text": "x", "emoji": THUMB}
        assert stranger.call(name, sent)["code"] == "NOT_FOUND"
    people[1].hears_nothing(*EVENTS)


def test_others_may_not_edit_nor_delete_for_all(people: People, message: Message) -> None:
    alice, bob = people
    for name in ("edit-message", "delete-message"):
        sent = {"messageId": str(message.pk), "text": "x", "forEveryone": True}
        assert bob.call(name, sent)["code"] == "FORBIDDEN"
    alice.hears_nothing(*EVENTS)


def test_blocked_people_hear_nothing_of_what_the_other_does_with_messages(
    site: Site, javascript: Connect, people: People, group: Conversation, message: Message, bob: User, carol: User
) -> None:
    site.servers[0].rest(carol, "POST", "blocks/", {"userId": str(bob.pk)})
    deaf = logged_in(javascript(site.servers[0]), carol, group.pk)
    alice, speaker = people
    sent = speaker.call(
        "send-message", {"conversationId": str(group.pk), "text": "hi", "tempId": "t1", "replyToId": str(message.pk)}
    )["messageId"]
    speaker.call("edit-message", {"messageId": sent, "text": "ho"})
    for name in ("message-delivered", "message-seen", "react"):
        speaker.call(name, {"messageId": str(message.pk), "emoji": THUMB})
    speaker.call("delete-message", {"messageId": sent})
    assert alice.expect("message-deleted") == sent
    deaf.hears_nothing(*EVENTS)


def test_the_wires_hear_the_same_of_a_message(
    site: Site, join: Callable[..., Client], people: People, message: Message, bob: User, carol: User
) -> None:
    plain = join(site.servers[0], carol)
    alice, client = people
    client.call("react", {"messageId": str(message.pk), "emoji": THUMB})
    assert plain.expect("message.reaction")["userId"] == str(bob.pk)
    plain.call("message.read", {"messageId": str(message.pk)})
    assert alice.expect("receipt") == [str(message.pk), str(carol.pk), "seen"]
    alice.call("edit-message", {"messageId": str(message.pk), "text": "two"})
    assert plain.expect("message.edited")["text"] == client.expect("message-edited")["text"] == "two"
    path = f"messages/{message.pk}/"
    site.servers[1].rest(bob, "POST", f"{path}delivered/")
    assert alice.expect("receipt") == [str(message.pk), str(bob.pk), "delivered"]
