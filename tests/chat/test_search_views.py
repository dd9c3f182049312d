"""Searching over REST: pages, filters, and what bad input gets."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import User
from accounts.services import block_user
from chat import services, urls
from chat.models import Conversation, Membership, Message
from realtime.limits import limits
from tests.accounts.conftest import as_user, error_of
from tests.chat.talk import say

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
SEARCH = "/api/messages/search/"


def texts(user: User, **query: Any) -> list[str]:
    answer = as_user(user).get(SEARCH, query)
    assert answer.status_code == 200, answer.content
    return [message["text"] for message in answer.json()["results"]]


def test_without_a_token_nothing_is_found() -> None:
    assert error_of(APIClient().get(SEARCH, {"q": "needle"})) == (401, "AUTH_REQUIRED")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_other_methods_are_refused(alice: User, method: str) -> None:
    assert getattr(as_user(alice), method)(SEARCH, {}).status_code == 405


def test_what_is_found_is_shown_as_in_the_history(group: Conversation, alice: User, bob: User) -> None:
    say(group, alice, "one", "needle", "three")
    Membership.objects.filter(user=bob).update(read_position=2)
    answer = as_user(alice).get(SEARCH, {"q": "needle"}).json()
    [found] = answer["results"]
    history = as_user(alice).get(f"/api/conversations/{group.pk}/messages/").json()["results"][1]
    assert found == history | {"readBy": [str(alice.pk), str(bob.pk)]}
    assert (answer["next"], answer["previous"]) == (None, None)
    Membership.objects.filter(user=bob).update(read_position=1)
    assert as_user(alice).get(SEARCH, {"q": "needle"}).json()["results"][0]["readBy"] == [str(alice.pk)]


def test_who_is_parted_by_a_block_is_not_among_the_readers(
    group: Conversation, alice: User, bob: User, carol: User
) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    say(group, carol, "needle")
    Membership.objects.update(read_position=1)
    block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    [found] = as_user(alice).get(SEARCH, {"q": "needle"}).json()["results"]
    assert set(found["readBy"]) == {str(carol.pk), str(alice.pk)}


def test_filters_are_parameters(group: Conversation, direct: Conversation, alice: User, bob: User) -> None:
    say(group, alice, "needle one")
    [second] = say(direct, bob, "needle two")
    assert texts(alice, q="needle") == ["needle two", "needle one"]
    assert texts(alice, q="needle", conversationId=group.pk) == ["needle one"]
    assert texts(alice, q="needle", senderId=bob.pk) == ["needle two"]
    assert texts(alice, q="needle", before=second.created_at.isoformat()) == ["needle one"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
def test_pages_hold_everything_once_the_newest_first(
    group: Conversation, direct: Conversation, alice: User, bob: User, limit: int
) -> None:
    for number in range(4):
        say(group, alice, f"needle {number}", "hay")
        say(direct, bob, f"needle {number} too")
    Message.objects.update(created_at=Message.objects.earliest("created_at").created_at)  # all at one moment
    expected = [f"needle {number}{more}" for number in range(3, -1, -1) for more in (" too", "")]
    seen: list[str] = []
    page = f"{SEARCH}?q=needle&limit={limit}"
    while page:
        body = as_user(alice).get(page).json()
        assert len(body["results"]) <= limit
        seen += [message["text"] for message in body["results"]]
        page = body["next"]
    assert seen == expected


def test_what_is_said_meanwhile_moves_no_page(group: Conversation, alice: User) -> None:
    say(group, alice, *(f"needle {number}" for number in range(4)))
    body = as_user(alice).get(SEARCH, {"q": "needle", "limit": "2"}).json()
    say(group, alice, "needle 4")
    assert [message["text"] for message in as_user(alice).get(body["next"]).json()["results"]] == [
        "needle 1",
        "needle 0",
    ]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "q"),
        ({"q": ""}, "q"),
        ({"q": "a"}, "q"),
        ({"q": " a  "}, "q"),
        ({"q": "a\x00b"}, "q"),
        ({"q": "a" * 201}, "q"),
        ({"q": "a" * 10_000}, "q"),
        ({"q": "ab", "conversationId": "x"}, "conversationId"),
        ({"q": "ab", "senderId": "1"}, "senderId"),
        ({"q": "ab", "before": "yesterday"}, "before"),
        ({"q": "ab", "before": "1"}, "before"),
        ({"q": "ab", "limit": "0"}, "limit"),
        ({"q": "ab", "limit": "x"}, "limit"),
        ({"q": "ab", "cursor": "x"}, "cursor"),
        ({"q": "ab", "cursor": "cD1hYmM="}, "cursor"),
        ({"q": "ab", "cursor": "cD05OTk5LTEyLTMxVDIzOjU5OjU5LTIzOjU5"}, "cursor"),  # beyond the last moment
        ({"q": "ab", "sender_id": "x"}, "sender_id"),
    ],
)
def test_a_bad_search_is_refused_and_told_why(group: Conversation, alice: User, query: Any, field: str) -> None:
    answer = as_user(alice).get(SEARCH, query)
    assert error_of(answer) == (400, "INVALID_PAYLOAD")
    assert list(answer.json()["details"]) == [field]


def test_two_characters_are_enough(group: Conversation, alice: User) -> None:
    say(group, alice, "needle")
    assert texts(alice, q="ne") == ["needle"]
    assert "at least 2" in as_user(alice).get(SEARCH, {"q": "n"}).json()["message"]


def test_a_search_takes_the_same_number_of_queries_however_much_it_finds(
    group: Conversation, alice: User, bob: User, person: Callable[..., User]
) -> None:
    def queries(count: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert len(texts(alice, q="needle")) == count
        return len(captured)

    say(group, alice, "needle")
    before = queries(1)
    for number in range(5):
        user = person(f"guest-{number}")
        services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=user.pk)
        other = services.create_conversation(creator_id=user.pk, kind="direct", members=[alice.pk])
        say(other, user, "needle", "needle again")
        say(group, user, "needle")
    assert queries(16) == before <= 6


hostile = st.text(max_size=300) | st.text("'\"\\:*&|!()<->%_ \t\n\x00ab", max_size=300)


# A real transaction a request: PostgreSQL itself refuses some moments of a cursor, which ends the one it is in.
@pytest.mark.django_db(transaction=True)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(q=hostile, more=st.dictionaries(st.sampled_from(["conversationId", "senderId", "before", "cursor"]), hostile))
@example(q="ab", more={"before": "0001-01-01T00:00:00+23:59"})
@example(q="ab", more={"before": "9999-12-31T23:59:59-23:59"})
@example(q="ab", more={"cursor": "cD05OTk5LTEyLTMxVDIzOjU5OjU5LTIzOjU5"})
@example(q="ab", more={"cursor": "bz0xMDAw"})
def test_whatever_is_asked_is_no_fault_of_the_server(
    group: Conversation, alice: User, q: str, more: dict[str, str]
) -> None:
    limits.cache_clear()
    assert as_user(alice).get(SEARCH, {"q": q, **more}).status_code in {200, 400}


def test_openapi_describes_it_without_a_warning() -> None:
    generator: Any = SchemaGenerator(patterns=urls.api_urlpatterns)  # type: ignore[no-untyped-call]
    GENERATOR_STATS.reset()
    schema = generator.get_schema(public=True)
    assert not GENERATOR_STATS
    described = {each["name"]: each for each in schema["paths"]["/messages/search/"]["get"]["parameters"]}
    assert set(described) == {"q", "conversationId", "senderId", "before", "limit", "cursor"}
    assert described["q"]["required"]
    assert described["q"]["schema"] == {"type": "string", "minLength": 2, "maxLength": 200}
