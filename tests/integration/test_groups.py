"""The groups family, as its official clients live it."""

import re
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError
from uuid import uuid4

import pytest

from accounts.models import User
from chat import services
from chat.models import Conversation, Message
from tests.integration.conftest import Site, pair
from tests.integration.families import TIME, Connect, logged_in
from tests.integration.javascript import JavaScriptClient

pytestmark = pair
Person = Callable[..., User]


def send(client: JavaScriptClient, group: Conversation, text: str, **more: Any) -> Any:
    """`sendMessage` with an acknowledgement."""
    return client.call("sendMessage", {"groupId": str(group.pk), "text": text} | more)


def test_a_message_is_told_to_the_whole_group_in_the_words_of_the_family(
    site: Site, javascript: Connect, group: Conversation, alice: User, bob: User, person: Person
) -> None:
    sender, listener = javascript(site.servers[0], alice), javascript(site.servers[1], bob)
    stranger = javascript(site.servers[1], person("dora"))
    for client in (sender, listener, stranger):
        client.expect("connected")
    answer = send(sender, group, "hello", unknown="is ignored")
    message = listener.expect("newMessage")
    assert re.fullmatch(TIME, message.pop("timestamp"))
    assert message == {
        "id": answer["messageId"],
        "senderId": str(alice.pk),
        "groupId": str(group.pk),
        "text": "hello",
        "attachments": [],
        "readBy": [str(alice.pk)],
    }
    assert sender.expect("newMessage")["id"] == message["id"]
    stranger.hears_nothing("newMessage", "message-new", "userOnline")


def test_a_message_may_come_with_an_empty_list_of_attachments(
    site: Site, javascript: Connect, group: Conversation, alice: User
) -> None:
    client = javascript(site.servers[0], alice)
    assert send(client, group, "hello", attachments=[])["messageId"]
    assert client.expect("newMessage")["attachments"] == []


def test_the_greeting_names_the_rooms_of_markets(site: Site, javascript: Connect, bob: User) -> None:
    greeting = javascript(site.servers[0], bob).expect("connected")
    assert greeting.keys() == {"userId", "message", "rooms"}
    assert isinstance(greeting["message"], str)
    assert (greeting["userId"], greeting["rooms"]) == (str(bob.pk), [f"user:{bob.pk}", "global:all"])


def test_who_is_added_or_removed_over_rest_joins_and_leaves_at_once(
    site: Site, javascript: Connect, group: Conversation, alice: User, person: Person
) -> None:
    dora = person("dora")
    speaker, listener = javascript(site.servers[0], alice), javascript(site.servers[1], dora)
    assert listener.expect("connected")
    send(speaker, group, "before")
    site.servers[0].rest(alice, "POST", f"conversations/{group.pk}/members/", {"userId": str(dora.pk)})
    send(speaker, group, "inside")
    assert listener.expect("newMessage")["text"] == "inside"
    site.servers[0].rest(alice, "DELETE", f"conversations/{group.pk}/members/{dora.pk}/")
    send(speaker, group, "after")
    speaker.expect("newMessage", text="after")
    listener.hears_nothing("newMessage")


def test_joining_and_leaving_a_room_concerns_this_client_alone(
    site: Site, javascript: Connect, group: Conversation, alice: User, bob: User
) -> None:
    speaker, first, second = (javascript(site.servers[0], user) for user in (alice, bob, bob))
    for client in (speaker, first, second):
        client.expect("connected")
    room = {"groupId": str(group.pk)}
    assert "error" not in first.call("leaveGroup", room)
    send(speaker, group, "away")
    assert second.expect("newMessage")["text"] == "away"
    first.hears_nothing("newMessage")
    for _ in range(2):
        assert "error" not in first.call("joinGroup", room)
    send(speaker, group, "back")
    assert first.expect("newMessage")["text"] == "back"
    first.hears_nothing("newMessage")
    assert group.memberships.filter(user=bob).exists()


@pytest.mark.parametrize("name", ["joinGroup", "sendMessage"])
def test_members_alone_may_join_and_send(
    site: Site, javascript: Connect, group: Conversation, person: Person, name: str
) -> None:
    client = javascript(site.servers[0], person("dora"))
    client.expect("connected")
    for room in (str(group.pk), str(uuid4())):
        refusal = client.call(name, {"groupId": room, "text": "let me in"})
        assert refusal.keys() == {"success", "error", "code"}
        assert refusal["success"] is False
        assert refusal["code"] in {"FORBIDDEN", "NOT_FOUND"}
        client.emit(name, {"groupId": room, "text": "let me in"})
        error = client.expect("error")
        assert error == {"message": refusal["error"], "code": refusal["code"]}
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], "INVALID_PAYLOAD"),
        ([None], "INVALID_PAYLOAD"),
        (["text"], "INVALID_PAYLOAD"),
        ([{"text": "no group"}], "INVALID_PAYLOAD"),
        ([{"groupId": 7, "text": "x"}], "INVALID_PAYLOAD"),
        ([{"groupId": "GROUP", "text": ""}], "INVALID_PAYLOAD"),
        ([{"groupId": "GROUP", "text": ["x"]}], "INVALID_PAYLOAD"),
        ([{"groupId": "GROUP", "text": "half \ud83d"}], "INVALID_PAYLOAD"),
        ([{"groupId": "GROUP", "text": "x" * 10_001}], "PAYLOAD_TOO_LARGE"),
    ],
)
def test_bad_input_is_an_error_and_the_client_goes_on(
    site: Site, javascript: Connect, group: Conversation, alice: User, arguments: list[Any], code: str
) -> None:
    client = javascript(site.servers[0], alice)
    if arguments and isinstance(arguments[0], dict) and arguments[0].get("groupId") == "GROUP":
        arguments = [arguments[0] | {"groupId": str(group.pk)}]
    refusal = client.call("sendMessage", *arguments)
    assert (refusal["success"], refusal["code"]) == (False, code)
    client.emit("sendMessage", *arguments)
    assert client.expect("error")["code"] == code
    assert send(client, group, "fine")["messageId"]


def test_an_unknown_event_is_an_error(site: Site, javascript: Connect, alice: User) -> None:
    client = javascript(site.servers[0], alice)
    assert client.call("noSuchEvent", {})["code"] == "UNKNOWN_EVENT"
    client.emit("noSuchEvent")
    assert client.expect("error")["code"] == "UNKNOWN_EVENT"


def test_thirty_messages_a_minute_over_all_families_and_rest(
    site: Site, javascript: Connect, group: Conversation, alice: User
) -> None:
    groups = javascript(site.servers[0], alice)
    messenger = logged_in(javascript(site.servers[1]), alice, group.pk)
    for number in range(10):
        send(groups, group, str(number))
        messenger.call("send-message", {"conversationId": str(group.pk), "text": "x", "tempId": str(number)})
        site.servers[1].rest(alice, "POST", f"conversations/{group.pk}/messages/", {"text": "x"})
    refusal = send(groups, group, "one too many")
    assert 1 <= refusal.pop("retryAfter") <= 60
    assert refusal == {"success": False, "error": "Rate limit exceeded", "code": "RATE_LIMITED"}
    messenger.emit("send-message", {"conversationId": str(group.pk), "text": "x", "tempId": "more"})
    assert messenger.expect("error")["code"] == "RATE_LIMITED"
    with pytest.raises(HTTPError) as over:
        site.servers[0].rest(alice, "POST", f"conversations/{group.pk}/messages/", {"text": "x"})
    assert over.value.code == 429
    over.value.close()


def test_people_of_a_group_come_and_go(
    site: Site, javascript: Connect, group: Conversation, alice: User, bob: User, person: Person
) -> None:
    watcher, stranger = javascript(site.servers[0], bob), javascript(site.servers[0], person("dora"))
    for client in (watcher, stranger):
        client.expect("connected")
    devices = [javascript(server, alice) for server in site.servers]
    assert watcher.expect("userOnline") == {"userId": str(alice.pk), "isOnline": True}
    for device in devices:
        device.expect("connected")
    devices[0].disconnect()
    send(devices[1], group, "still here")
    watcher.expect("newMessage")
    watcher.hears_nothing("userOnline")
    devices[1].disconnect()
    assert watcher.expect("userOnline") == {"userId": str(alice.pk), "isOnline": False}
    stranger.hears_nothing("userOnline")


def test_blocked_people_hear_nothing_of_each_other(
    site: Site, javascript: Connect, group: Conversation, alice: User, bob: User, carol: User
) -> None:
    site.servers[0].rest(bob, "POST", "blocks/", {"userId": str(alice.pk)})
    blocking, other = javascript(site.servers[0], bob), javascript(site.servers[1], carol)
    for client in (blocking, other):
        client.expect("connected")
    other.pass_marker()
    blocking.inbox.clear()
    services.send_message(sender_id=alice.pk, conversation_id=group.pk, text="to whom it may concern")
    javascript(site.servers[0], alice).expect("connected")
    other.expect("newMessage")
    other.expect("userOnline", userId=str(alice.pk))
    blocking.pass_marker()
    assert not [heard for heard in blocking.inbox if heard.name == "newMessage" or heard.fits(userId=str(alice.pk))]


# -- receipts --------------------------------------------------------------------------------------------------


def test_what_was_read_is_told_to_the_group_once_and_stored(
    site: Site, javascript: Connect, group: Conversation, alice: User, bob: User
) -> None:
    sender, reader = javascript(site.servers[0], alice), javascript(site.servers[1], bob)
    for client in (sender, reader):
        client.expect("connected")
    first, second = (send(sender, group, text)["messageId"] for text in ("one", "two"))
    reader.emit("markAsRead", {"messageId": second, "groupId": str(group.pk), "unknown": "is ignored"})
    for client in (sender, reader):
        assert client.expect("messageRead") == {"messageId": second, "userId": str(bob.pk)}
    for message in (second, first):  # known, and before it
        assert reader.call("markAsRead", {"messageId": message, "groupId": str(group.pk)}) == {}
    sender.hears_nothing("messageRead", "receipt")
    page = site.servers[0].rest(alice, "GET", f"conversations/{group.pk}/messages/")["results"]
    assert [one["readBy"] for one in page] == [[str(alice.pk), str(bob.pk)]] * 2
    assert site.servers[1].rest(bob, "GET", f"conversations/{group.pk}/")["unreadCount"] == 0


@pytest.mark.parametrize("sent", ["of a stranger", "of another group", {}, {"messageId": 7}, None])
def test_what_cannot_be_read_is_an_error(
    site: Site, javascript: Connect, group: Conversation, alice: User, bob: User, person: Person, sent: Any
) -> None:
    message = services.send_message(sender_id=alice.pk, conversation_id=group.pk, text="hi")
    reader = javascript(site.servers[0], person("dora") if sent == "of a stranger" else bob)
    witness = javascript(site.servers[0], alice)
    witness.expect("connected")
    if isinstance(sent, str):
        sent = {"messageId": str(message.pk), "groupId": str(uuid4() if sent == "of another group" else group.pk)}
    refusal = reader.call("markAsRead", sent)
    assert (refusal["success"], refusal["code"]) in {(False, "NOT_FOUND"), (False, "INVALID_PAYLOAD")}
    reader.emit("markAsRead", sent)
    assert reader.expect("error") == {"message": refusal["error"], "code": refusal["code"]}
    witness.hears_nothing("messageRead")


def test_what_has_no_name_in_this_family_is_not_told(
    site: Site, javascript: Connect, group: Conversation, alice: User, bob: User
) -> None:
    client = javascript(site.servers[1], bob)
    client.expect("connected")
    message = services.send_message(sender_id=alice.pk, conversation_id=group.pk, text="one")
    services.edit_message(actor_id=alice.pk, message_id=message.pk, text="two")
    services.add_reaction(user_id=alice.pk, message_id=message.pk, emoji="+1")
    services.mark_delivered(user_id=bob.pk, message_id=message.pk)
    services.delete_message(actor_id=alice.pk, message_id=message.pk)
    assert client.expect("newMessage")["text"] == "one"
    client.pass_marker()
    assert {heard.name for heard in client.inbox if heard.on == "event"} <= {"userOnline"}


def test_a_message_has_attachments_of_known_types(
    site: Site, javascript: Connect, group: Conversation, alice: User, bob: User
) -> None:
    sender, listener = javascript(site.servers[0], alice), javascript(site.servers[1], bob)
    for client in (sender, listener):
        client.expect("connected")
    files = [{"url": f"https://example.com/{kind}", "type": kind} for kind in ("image", "video/mp4", "audio", "file")]
    assert send(sender, group, "", attachments=[one | {"unknown": "is ignored"} for one in files])["messageId"]
    assert listener.expect("newMessage")["attachments"] == files
    for bad in ({"url": "https://example.com/x", "type": "program"}, {"url": "javascript:x", "type": "image"}, "x"):
        assert send(sender, group, "", attachments=[bad])["code"] == "INVALID_PAYLOAD"
    assert send(sender, group, "x", attachments=files * 3)["code"] == "INVALID_PAYLOAD"
    listener.hears_nothing("newMessage")
