"""REST of the chat: who may, who may not, and what bad input gets."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient
from uuid_utils.compat import uuid7

from accounts.models import User
from accounts.services import block_user, deactivate_user, set_presence
from chat import services
from chat.models import Conversation, Message
from tests.accounts.conftest import as_user, error_of
from tests.chat.talk import say

pytestmark = pytest.mark.django_db
LIST = "/api/conversations/"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def url(conversation: Conversation, *rest: object) -> str:
    return "/".join(map(str, [LIST.rstrip("/"), conversation.pk, *rest])) + "/"


def addresses(conversation: Conversation, user: User) -> list[tuple[str, str, Any]]:
    """Every endpoint of a conversation: method, address, a good body."""
    return [
        ("get", url(conversation), None),
        ("get", url(conversation, "members"), None),
        ("post", url(conversation, "members"), {"userId": str(user.pk)}),
        ("delete", url(conversation, "members", user.pk), None),
        ("get", url(conversation, "messages"), None),
        ("post", url(conversation, "messages"), {"text": "x"}),
    ]


def test_without_a_token_nothing_is_there(group: Conversation, alice: User) -> None:
    client = APIClient()
    everything = [("get", LIST, None), ("post", LIST, {}), *addresses(group, alice)]
    for method, address, body in everything:
        assert error_of(getattr(client, method)(address, body)) == (401, "AUTH_REQUIRED")


def test_for_a_stranger_a_conversation_does_not_exist(group: Conversation, carol: User) -> None:
    client = as_user(carol)
    nowhere = Conversation(pk=uuid7())
    for conversation in (group, nowhere):
        for method, address, body in addresses(conversation, carol):
            assert error_of(getattr(client, method)(address, body)) == (404, "NOT_FOUND"), (method, address)
    assert client.get(LIST).json()["results"] == []
    assert not Message.objects.exists()


def test_an_address_without_a_real_id_is_not_found(alice: User) -> None:
    for identifier in ("1", "nonsense", "00000000-0000-0000-0000-00000000000g"):
        for tail in ("", "members/", "messages/"):
            assert error_of(as_user(alice).get(f"{LIST}{identifier}/{tail}")) == (404, "NOT_FOUND")


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_refused(group: Conversation, alice: User, method: str) -> None:
    client = as_user(alice)
    for address in (LIST, url(group, "messages"), *([url(group)] if method == "put" else [])):
        assert getattr(client, method)(address, {}).status_code == 405


# -- conversations ---------------------------------------------------------------------------------------


def test_a_conversation_is_begun_and_shown(alice: User, bob: User) -> None:
    set_presence(user_id=bob.pk, online=True)
    response = as_user(alice).post(LIST, {"kind": "group", "title": "Trip", "members": [str(bob.pk)]})
    body = response.json()
    assert response.status_code == 201
    assert as_user(bob).get(f"{LIST}{body['id']}/").json() == body
    assert MOMENT.fullmatch(body["createdAt"])
    assert (body["kind"], body["title"], body["lastMessageAt"]) == ("group", "Trip", None)
    assert [sorted(member) for member in body["members"]] == [
        ["avatar", "isOnline", "joinedAt", "joinedPosition", "name", "role", "userId"]
    ] * 2
    assert [(m["userId"], m["name"], m["role"], m["isOnline"]) for m in body["members"]] == [
        (str(alice.pk), "Alice A.", "owner", False),
        (str(bob.pk), "bob", "member", True),
    ]


def test_a_pairs_conversation_comes_back(alice: User, bob: User) -> None:
    first = as_user(alice).post(LIST, {"kind": "direct", "members": [str(bob.pk)]}).json()["id"]
    assert as_user(bob).post(LIST, {"kind": "direct", "members": [str(alice.pk)]}).json()["id"] == first


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"kind": "group"},
        {"members": ["BOB"]},
        {"kind": "channel", "members": ["BOB"]},
        {"kind": 1, "members": ["BOB"]},
        {"kind": "group", "members": []},
        {"kind": "group", "members": "BOB"},
        {"kind": "group", "members": ["nonsense"]},
        {"kind": "group", "members": [1]},
        {"kind": "group", "members": [None]},
        {"kind": "group", "members": [["BOB"]]},
        {"kind": "group", "members": ["BOB"] * 1001},
        {"kind": "group", "members": ["BOB"], "title": "x" * 201},
        {"kind": "group", "members": ["BOB"], "title": None},
        {"kind": "group", "members": ["BOB"], "title": "nul\x00"},
        {"kind": "direct", "members": ["BOB", "CAROL"]},
        {"kind": "direct", "members": ["ALICE"]},
        {"kind": "group", "members": ["00000000-0000-0000-0000-000000000000"]},
    ],
)
def test_a_bad_conversation_is_refused(alice: User, bob: User, carol: User, body: Any) -> None:
    names = {user.username.upper(): str(user.pk) for user in (alice, bob, carol)}
    if isinstance(body, dict) and isinstance(body.get("members"), list):
        body = body | {"members": [names.get(m, m) if isinstance(m, str) else m for m in body["members"]]}
    assert error_of(as_user(alice).post(LIST, body)) == (400, "INVALID_PAYLOAD")
    assert not Conversation.objects.exists()


def test_the_liveliest_conversation_comes_first_on_pages_that_miss_none(
    alice: User, bob: User, person: Callable[..., User]
) -> None:
    made = [
        services.create_conversation(creator_id=alice.pk, kind="group", title=str(number), members=[bob.pk])
        for number in range(7)
    ]
    say(made[2], bob, "wake up")
    say(made[5], bob, "you too")
    titles, page = [], f"{LIST}?limit=3"
    while page:
        body = as_user(alice).get(page).json()
        titles += [conversation["title"] for conversation in body["results"]]
        page = body["next"]
    assert titles == ["5", "2", "6", "4", "3", "1", "0"]


def test_lists_take_the_same_number_of_queries_for_one_as_for_many(
    alice: User, bob: User, carol: User, person: Callable[..., User]
) -> None:
    def fill(conversation: Conversation, people: list[User]) -> None:
        for user in people:
            say(conversation, user, "x", "y")

    client = as_user(alice)
    small = services.create_conversation(creator_id=alice.pk, kind="group", members=[bob.pk])
    fill(small, [alice])
    counts = []
    for _ in range(2):
        for address in (LIST, url(small), url(small, "members"), url(small, "messages")):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200
            counts.append(len(queries))
        people = [person(f"guest-{len(counts)}-{number}") for number in range(5)]
        for user in people:
            services.add_member(actor_id=alice.pk, conversation_id=small.pk, user_id=user.pk)
            services.create_conversation(creator_id=alice.pk, kind="direct", members=[user.pk])
        fill(small, people)
    assert counts[:4] == counts[4:]
    assert max(counts) <= 7


# -- members -------------------------------------------------------------------------------------------------


def test_the_owner_lets_in_and_puts_out_over_rest(group: Conversation, alice: User, bob: User, carol: User) -> None:
    owner = as_user(alice)
    response = owner.post(url(group, "members"), {"userId": str(carol.pk)})
    assert response.status_code == 201
    assert (response.json()["userId"], response.json()["role"]) == (str(carol.pk), "member")
    names = [member["name"] for member in as_user(carol).get(url(group, "members")).json()["results"]]
    assert names == ["Alice A.", "bob", "carol"]
    assert owner.delete(url(group, "members", carol.pk)).status_code == 204
    assert error_of(owner.delete(url(group, "members", carol.pk))) == (404, "NOT_FOUND")
    assert as_user(bob).delete(url(group, "members", bob.pk)).status_code == 204
    assert error_of(as_user(bob).get(url(group))) == (404, "NOT_FOUND")


def test_a_member_who_is_not_the_owner_may_not(group: Conversation, alice: User, bob: User, carol: User) -> None:
    member = as_user(bob)
    assert error_of(member.post(url(group, "members"), {"userId": str(carol.pk)})) == (403, "FORBIDDEN")
    assert error_of(member.delete(url(group, "members", alice.pk))) == (403, "FORBIDDEN")
    assert group.memberships.count() == 2


@pytest.mark.parametrize("body", [{}, [], {"userId": "x"}, {"userId": None}, {"user_id": "BOB"}])
def test_a_bad_member_is_refused(group: Conversation, alice: User, body: Any) -> None:
    assert error_of(as_user(alice).post(url(group, "members"), body)) == (400, "INVALID_PAYLOAD")


def test_who_cannot_be_reached_is_not_found(group: Conversation, alice: User, carol: User) -> None:
    deactivate_user(user_id=carol.pk)
    for user in (carol.pk, uuid7()):
        assert error_of(as_user(alice).post(url(group, "members"), {"userId": str(user)})) == (404, "NOT_FOUND")


def test_a_direct_conversation_takes_nobody_in_over_rest(direct: Conversation, alice: User, carol: User) -> None:
    client = as_user(alice)
    assert error_of(client.post(url(direct, "members"), {"userId": str(carol.pk)})) == (400, "INVALID_PAYLOAD")
    assert error_of(client.delete(url(direct, "members", alice.pk))) == (400, "INVALID_PAYLOAD")


# -- messages ----------------------------------------------------------------------------------------------------


def test_a_message_is_said_and_read(group: Conversation, alice: User, bob: User) -> None:
    response = as_user(alice).post(url(group, "messages"), {"text": " hello ", "tempId": "t1"})
    body = response.json()
    assert response.status_code == 201
    assert MOMENT.fullmatch(body["createdAt"])
    assert body == {
        "id": body["id"],
        "conversationId": str(group.pk),
        "senderId": str(alice.pk),
        "text": " hello ",
        "position": 1,
        "createdAt": body["createdAt"],
        "ciphertext": None,
        "attachments": [],
        "mentions": [],
        "replyToId": None,
        "reactions": [],
        "editedAt": None,
    }
    assert as_user(alice).post(url(group, "messages"), {"text": "again", "tempId": "t1"}).json() == body
    page = as_user(bob).get(url(group, "messages")).json()
    assert page == {"next": None, "previous": None, "results": [body | {"readBy": [str(alice.pk)]}]}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "INVALID_PAYLOAD"),
        ([], 400, "INVALID_PAYLOAD"),
        ({"text": None}, 400, "INVALID_PAYLOAD"),
        ({"text": ""}, 400, "INVALID_PAYLOAD"),
        ({"text": " \n"}, 400, "INVALID_PAYLOAD"),
        ({"text": ["x"]}, 400, "INVALID_PAYLOAD"),
        ({"text": {"a": 1}}, 400, "INVALID_PAYLOAD"),
        ({"text": "a\x00b"}, 400, "INVALID_PAYLOAD"),
        ({"text": "x", "tempId": "t" * 65}, 400, "INVALID_PAYLOAD"),
        ({"text": "x", "tempId": "a\x00"}, 400, "INVALID_PAYLOAD"),
        ({"text": "x" * 10_001}, 413, "PAYLOAD_TOO_LARGE"),
    ],
)
def test_a_bad_message_is_refused_over_rest(
    group: Conversation, alice: User, body: Any, status: int, code: str
) -> None:
    assert error_of(as_user(alice).post(url(group, "messages"), body)) == (status, code)
    assert not Message.objects.exists()


def test_who_is_blocked_may_not_write(direct: Conversation, alice: User, bob: User) -> None:
    assert as_user(alice).post(url(direct, "messages"), {"text": "x"}).status_code == 201
    block_user(blocker_id=bob.pk, blocked_id=alice.pk)
    assert error_of(as_user(alice).post(url(direct, "messages"), {"text": "x"})) == (403, "BLOCKED")


def test_the_31st_message_of_a_minute_is_refused_over_rest(group: Conversation, alice: User, bob: User) -> None:
    client = as_user(alice)
    for _ in range(30):
        assert client.post(url(group, "messages"), {"text": "x"}).status_code == 201
    response = client.post(url(group, "messages"), {"text": "x"})
    assert error_of(response) == (429, "RATE_LIMITED")
    assert 1 <= int(response["Retry-After"]) <= 60
    assert client.get(url(group, "messages")).status_code == 200
    assert as_user(bob).post(url(group, "messages"), {"text": "x"}).status_code == 201


@pytest.mark.parametrize(
    "query",
    [
        "before=0",
        "before=-1",
        "before=x",
        "after=-1",
        "after=1.5",
        "limit=0",
        "limit=201",
        "limit=x",
        "before=1&after=1",
    ],
)
def test_a_bad_page_is_refused(group: Conversation, alice: User, query: str) -> None:
    assert error_of(as_user(alice).get(f"{url(group, 'messages')}?{query}")) == (400, "INVALID_PAYLOAD")


@pytest.mark.parametrize(("query", "count"), [(f"before={10**30}", 3), (f"after={10**30}", 0), ("before=1", 0)])
def test_a_page_beyond_all_messages_is_no_error(group: Conversation, alice: User, query: str, count: int) -> None:
    say(group, alice, *"abc")
    assert len(as_user(alice).get(f"{url(group, 'messages')}?{query}").json()["results"]) == count


def test_without_bounds_the_newest_come_in_ascending_order(group: Conversation, alice: User, bob: User) -> None:
    say(group, alice, *map(str, range(60)))
    body = as_user(bob).get(url(group, "messages")).json()
    assert [message["text"] for message in body["results"]] == [str(number) for number in range(10, 60)]
    assert body["next"] is None
    assert body["previous"].endswith("?before=11&limit=50")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 25), st.integers(1, 12), st.sets(st.integers(0, 24)), st.booleans())
def test_pages_cover_every_message_exactly_once_in_either_direction(
    alice: User, bob: User, carol: User, count: int, limit: int, unseen: set[int], from_the_oldest: bool
) -> None:
    """Those of somebody who is blocked leave holes between the positions."""
    carol.blocks_made.all().delete()  # of the example before
    conversation = services.create_conversation(creator_id=alice.pk, kind="group", members=[bob.pk, carol.pk])
    block_user(blocker_id=carol.pk, blocked_id=alice.pk)
    for number in range(count):
        say(conversation, carol if number in unseen else bob, str(number))
    expected = [str(number) for number in range(count) if number not in unseen]

    client = as_user(alice)
    seen: list[str] = []
    page = f"{url(conversation, 'messages')}?limit={limit}" + ("&after=0" if from_the_oldest else "")
    while page:
        body = client.get(page).json()
        texts = [message["text"] for message in body["results"]]
        assert len(texts) <= limit
        seen = [*seen, *texts] if from_the_oldest else [*texts, *seen]
        page = body["next" if from_the_oldest else "previous"]
    assert seen == expected


# -- defects ---------------------------------------------------------------------------------------------------------


def test_a_page_before_a_hole_leads_back(group: Conversation, alice: User) -> None:
    say(group, alice, *"abc")
    body = as_user(alice).get(f"{url(group, 'messages')}?after=3").json()
    assert body["previous"] is not None
