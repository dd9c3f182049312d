"""REST of messages: one, its reactions, receipts and revisions, and pages with all of it."""

from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient
from uuid_utils.compat import uuid7

from accounts.models import User
from accounts.services import block_user
from chat import services
from chat.models import Conversation, Hidden, Message, Reaction
from tests.accounts.conftest import as_user, error_of
from tests.chat.talk import say

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
NOTHINGS = "018f0000-0000-7000-8000-000000000000"  # an id of nothing

THUMB, HEART = "\U0001f44d", "❤️"


def url(message: Message, *rest: str) -> str:
    return "/".join(["/api/messages", str(message.pk), *rest]) + "/"


def messages_url(group: Conversation) -> str:
    return f"/api/conversations/{group.pk}/messages/"


@pytest.fixture
def message(group: Conversation, bob: User) -> Message:
    """Bob's, in the group."""
    return say(group, bob, "one")[0]


def endpoints(message: Message) -> list[tuple[str, str, Any]]:
    """Method, address, a good body."""
    return [
        ("get", url(message), None),
        ("patch", url(message), {"text": "two"}),
        ("get", url(message, "revisions"), None),
        ("get", url(message, "reactions"), None),
        ("post", url(message, "reactions"), {"emoji": THUMB}),
        ("delete", url(message, "reactions"), {"emoji": THUMB}),
        ("post", url(message, "delivered"), None),
        ("post", url(message, "read"), None),
        ("delete", url(message), None),
    ]


def test_without_a_token_nothing_is_there(message: Message) -> None:
    for method, address, body in endpoints(message):
        assert error_of(getattr(APIClient(), method)(address, body)) == (401, "AUTH_REQUIRED")


@pytest.mark.parametrize("why", ["stranger", "blocked", "nowhere", "deleted"])
def test_for_who_does_not_see_a_message_there_is_none(
    message: Message, alice: User, bob: User, carol: User, why: str
) -> None:
    client = as_user(carol if why == "stranger" else alice)
    if why == "blocked":
        block_user(blocker_id=bob.pk, blocked_id=alice.pk)
    elif why == "deleted":
        services.delete_message(actor_id=bob.pk, message_id=message.pk)
    target = Message(pk=uuid7()) if why == "nowhere" else message
    for method, address, body in endpoints(target):
        if (method, why) == ("delete", "deleted") and "reactions" not in address:
            continue  # deleting it again is no error
        assert error_of(getattr(client, method)(address, body)) == (404, "NOT_FOUND"), (method, address)
    assert not Reaction.objects.exists()


def test_a_message_is_shown_edited_and_deleted(message: Message, alice: User, bob: User) -> None:
    sender, member = as_user(bob), as_user(alice)
    shown = member.get(url(message)).json()
    assert (shown["id"], shown["text"], shown["editedAt"]) == (str(message.pk), "one", None)
    assert shown["readBy"] == [str(bob.pk)]
    edited = sender.patch(url(message), {"text": "two"})
    assert edited.status_code == 200
    assert edited.json() | {"readBy": [str(bob.pk)]} == member.get(url(message)).json()
    assert (edited.json()["text"], edited.json()["editedAt"] is None) == ("two", False)
    revisions = member.get(url(message, "revisions")).json()["results"]
    assert [(one["text"], one["ciphertext"]) for one in revisions] == [("one", None)]
    assert error_of(member.patch(url(message), {"text": "x"})) == (403, "FORBIDDEN")
    for _ in range(2):
        assert sender.delete(url(message)).status_code == 204
    assert error_of(member.get(url(message))) == (404, "NOT_FOUND")
    assert member.get(messages_url(message.conversation)).json()["results"] == []


@pytest.mark.parametrize(
    ("query", "hidden", "deleted"),
    [
        ("", 0, True),
        ("?forEveryone=true", 0, True),
        ("?forEveryone=false", 1, False),
    ],
)
def test_a_message_is_deleted_for_whom_the_query_says(
    message: Message, bob: User, query: str, hidden: int, deleted: bool
) -> None:
    assert as_user(bob).delete(url(message) + query).status_code == 204
    assert Hidden.objects.count() == hidden
    assert (Message.objects.get().deleted_at is not None) is deleted


@pytest.mark.parametrize("query", ["?forEveryone=maybe", "?for_everyone=false", "?more=1"])
def test_a_bad_deletion_is_refused(message: Message, bob: User, query: str) -> None:
    assert error_of(as_user(bob).delete(url(message) + query)) == (400, "INVALID_PAYLOAD")
    assert Message.objects.get().deleted_at is None


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "INVALID_PAYLOAD"),
        ([], 400, "INVALID_PAYLOAD"),
        ({"text": None}, 400, "INVALID_PAYLOAD"),
        ({"text": " "}, 400, "INVALID_PAYLOAD"),
        ({"text": "a\x00"}, 400, "INVALID_PAYLOAD"),
        ({"text": "a", "ciphertext": "b"}, 400, "INVALID_PAYLOAD"),
        ({"ciphertext": "b"}, 400, "INVALID_PAYLOAD"),
        ({"text": "a", "mentions": []}, 400, "INVALID_PAYLOAD"),
        ({"text": "a" * 10_001}, 413, "PAYLOAD_TOO_LARGE"),
    ],
)
def test_a_bad_edit_is_refused(message: Message, bob: User, body: Any, status: int, code: str) -> None:
    assert error_of(as_user(bob).patch(url(message), body)) == (status, code)
    assert Message.objects.get().text == "one"


def test_reactions_are_put_listed_and_taken_away(message: Message, alice: User, bob: User) -> None:
    client = as_user(alice)
    for emoji in (THUMB, THUMB, HEART):
        answer = client.post(url(message, "reactions"), {"emoji": emoji})
        assert answer.status_code == 201
        assert answer.json() == {"userId": str(alice.pk), "emoji": emoji}
    listed = as_user(bob).get(url(message, "reactions")).json()["results"]
    assert listed == [{"userId": str(alice.pk), "emoji": emoji} for emoji in (THUMB, HEART)]
    assert as_user(bob).get(url(message)).json()["reactions"] == listed
    assert client.delete(url(message, "reactions"), {"emoji": THUMB}).status_code == 204
    for _ in range(2):
        assert client.delete(f"{url(message, 'reactions')}?emoji={quote(HEART)}").status_code == 204
    assert as_user(bob).get(url(message, "reactions")).json()["results"] == []


@pytest.mark.parametrize("body", [{}, [], {"emoji": None}, {"emoji": 1}, {"emoji": ""}, {"emoji": "x", "more": 1}])
def test_a_bad_reaction_is_refused(message: Message, alice: User, body: Any) -> None:
    for method in ("post", "delete"):
        answer = getattr(as_user(alice), method)(url(message, "reactions"), body)
        assert error_of(answer) == (400, "INVALID_PAYLOAD")


def test_receipts_count_down_what_is_unread_and_show_who_has_read(group: Conversation, alice: User, bob: User) -> None:
    first, second, third = say(group, bob, *"abc")
    client = as_user(alice)

    def unread() -> set[int]:
        listed = client.get("/api/conversations/").json()["results"]
        return {one["unreadCount"] for one in [*listed, client.get(f"/api/conversations/{group.pk}/").json()]}

    assert unread() == {3}
    assert client.post(url(third, "delivered")).status_code == 204
    for _ in range(2):
        assert client.post(url(second, "read")).status_code == 204
    assert unread() == {1}
    page = as_user(bob).get(messages_url(group)).json()["results"]
    both = [str(bob.pk), str(alice.pk)]
    assert [one["readBy"] for one in page] == [both, both, [str(bob.pk)]]
    assert client.post(url(first, "read")).status_code == 204
    assert unread() == {1}


def test_a_message_with_everything_is_said_over_rest(
    group: Conversation, message: Message, alice: User, bob: User
) -> None:
    body = {
        "text": "look",
        "attachments": [{"url": "https://example.com/a.pdf", "type": "application/pdf", "size": 3}],
        "replyToId": str(message.pk),
        "mentions": [str(bob.pk)],
    }
    said = as_user(alice).post(messages_url(group), body)
    assert said.status_code == 201, said.json()
    assert {name: said.json()[name] for name in body} == body
    encrypted = as_user(alice).post(messages_url(group), {"ciphertext": " AAEC\n"}).json()
    assert (encrypted["text"], encrypted["ciphertext"]) == ("", " AAEC\n")


@pytest.mark.parametrize(
    "more",
    [
        {"attachments": {}},
        {"attachments": ["x"]},
        {"attachments": [{}]},
        {"attachments": [{"url": "javascript:x", "type": "image"}]},
        {"attachments": [{"url": "https://example.com/", "type": "image", "evil": 1}]},
        {"attachments": [{"url": "https://example.com/", "type": "image", "thumbnail_url": "https://example.com/"}]},
        {"attachments": [{"url": "https://example.com/", "type": "image", "size": 10**30}]},
        {"attachments": [{"url": "https://example.com/", "type": "image"}] * 11},
        {"attachments": [{"id": NOTHINGS}]},
        {"replyToId": "x"},
        {"replyToId": NOTHINGS},
        {"mentions": ["x"]},
        {"mentions": [NOTHINGS]},
        {"mentions": "x"},
        {"ciphertext": "AAEC"},
        {"reply_to_id": None},
    ],
    ids=str,
)
def test_bad_content_is_refused_over_rest(group: Conversation, alice: User, more: dict[str, Any]) -> None:
    assert error_of(as_user(alice).post(messages_url(group), {"text": "x"} | more)) == (400, "INVALID_PAYLOAD")
    assert not Message.objects.exists()


def test_nobody_is_shown_a_mention_across_a_block(group: Conversation, alice: User, bob: User, carol: User) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    content: dict[str, Any] = {"text": "one", "mentions": [str(bob.pk), str(carol.pk)]}
    sent = as_user(alice).post(messages_url(group), content).json()
    address = f"/api/messages/{sent['id']}/"
    block_user(blocker_id=carol.pk, blocked_id=bob.pk)
    block_user(blocker_id=alice.pk, blocked_id=carol.pk)
    for user, shown in ((alice, [bob]), (bob, [bob])):
        lists = [messages_url(group), "/api/messages/search/?q=one"]
        found = [as_user(user).get(one).json()["results"][0] for one in lists]
        for one in (*found, as_user(user).get(address).json()):
            assert one["mentions"] == [str(other.pk) for other in shown], user
    assert as_user(alice).patch(address, {"text": "two"}).json()["mentions"] == [str(bob.pk)]
    repeated = as_user(alice).post(messages_url(group), {"text": "x", "mentions": [str(bob.pk), str(carol.pk)]})
    assert repeated.json()["mentions"] == [str(bob.pk)]


@pytest.mark.parametrize("name", ["attachments", "mentions"])
def test_null_among_several_is_refused_where_it_stands(group: Conversation, alice: User, name: str) -> None:
    refused = as_user(alice).post(messages_url(group), {"text": "x", name: [None]})
    assert error_of(refused) == (400, "INVALID_PAYLOAD")
    assert list(refused.json()["details"]) == [name], refused.json()


def test_a_temporary_id_gets_the_stored_answer_after_an_edit_and_a_deletion(group: Conversation, alice: User) -> None:
    client, body = as_user(alice), {"text": "one", "tempId": "t1"}
    first = client.post(messages_url(group), body).json()
    edited = client.patch(f"/api/messages/{first['id']}/", {"text": "two"}).json()
    assert client.post(messages_url(group), body).json() == edited
    client.delete(f"/api/messages/{first['id']}/")
    again = client.post(messages_url(group), body)
    assert (again.status_code, again.json()["id"], again.json()["text"]) == (201, first["id"], "")
    assert group.messages.count() == 1


def test_across_a_block_a_page_shows_nothing_of_the_other(
    group: Conversation, alice: User, bob: User, carol: User
) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    question, shared = say(group, bob, "question")[0], say(group, alice, "shared")[0]
    answer = services.send_message(sender_id=alice.pk, conversation_id=group.pk, text="answer", reply_to_id=question.pk)
    for user in (bob, carol):
        services.add_reaction(user_id=user.pk, message_id=shared.pk, emoji=THUMB)
        services.mark_read(user_id=user.pk, message_id=answer.pk)
    block_user(blocker_id=bob.pk, blocked_id=carol.pk)
    page = as_user(carol).get(messages_url(group)).json()["results"]
    assert [one["text"] for one in page] == ["shared", "answer"]
    assert str(bob.pk) not in str(page)
    assert str(question.pk) not in str(page)
    assert page[0]["reactions"] == [{"userId": str(carol.pk), "emoji": THUMB}]
    assert page[1] == as_user(carol).get(url(answer)).json()
    seen_by_all = as_user(alice).get(messages_url(group)).json()["results"]
    assert seen_by_all[2]["replyToId"] == str(question.pk)
    assert len(seen_by_all[1]["reactions"]) == 2


def queries(client: APIClient, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_lists_take_the_same_number_of_queries_for_one_as_for_many(
    group: Conversation, alice: User, bob: User, carol: User
) -> None:
    client, message = as_user(alice), say(group, bob, "one")[0]
    addresses = [messages_url(group), url(message), url(message, "reactions"), url(message, "revisions")]
    addresses.append("/api/conversations/")
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    services.add_reaction(user_id=bob.pk, message_id=message.pk, emoji=THUMB)
    block_user(blocker_id=alice.pk, blocked_id=carol.pk)
    before = [queries(client, address) for address in addresses]
    for number in range(5):
        answer = services.send_message(
            sender_id=carol.pk if number % 2 else bob.pk,
            conversation_id=group.pk,
            text=str(number),
            reply_to_id=message.pk,
        )
        for user, emoji in ((bob, THUMB), (bob, HEART), (carol, THUMB)):
            services.add_reaction(user_id=user.pk, message_id=answer.pk, emoji=emoji)
            services.add_reaction(user_id=user.pk, message_id=message.pk, emoji=emoji)
        services.edit_message(actor_id=bob.pk, message_id=message.pk, text=f"edit {number}")
        services.create_conversation(creator_id=alice.pk, kind="group", title=str(number), members=[bob.pk])
    assert [queries(client, address) for address in addresses] == before
    assert max(before) <= 7
