"""Pinned and muted: what a conversation is to one member alone, and the order of the list that comes of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from accounts.services import block_user
from chat import services
from chat.events import ConversationUpdated
from chat.models import Conversation, Membership
from realtime.events import encode
from realtime.publishing import Intent, Push
from realtime.rooms import UserRoom
from realtime.times import iso
from tests.accounts.conftest import as_user, error_of
from tests.chat.talk import say

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
LIST = "/api/conversations/"
Person = Callable[..., User]


def me(conversation: Conversation) -> str:
    return f"{LIST}{conversation.pk}/me/"


def groups(owner: User, *titles: str) -> list[Conversation]:
    return [
        services.create_conversation(creator_id=owner.pk, kind="group", title=title, members=[]) for title in titles
    ]


def pages(client: APIClient, **query: object) -> list[list[str]]:
    """The titles on each page."""
    found, page = [], LIST + "?" + "&".join(f"{name}={value}" for name, value in query.items())
    while page:
        body = client.get(page).json()
        found.append([conversation["title"] for conversation in body["results"]])
        page = body["next"]
    return found


def titles(client: APIClient, **query: object) -> list[str]:
    return flat(pages(client, **query))


def flat(found: list[list[str]]) -> list[str]:
    return [title for page in found for title in page]


# -- for oneself -----------------------------------------------------------------------------------


def test_a_conversation_is_pinned_and_muted_for_oneself(group: Conversation, alice: User, bob: User) -> None:
    until = timezone.now() + timedelta(days=1)
    answer = as_user(alice).patch(me(group), {"pinned": True, "mutedUntil": iso(until)})
    assert answer.status_code == 200
    assert answer.json() == as_user(alice).get(f"{LIST}{group.pk}/").json()
    assert (answer.json()["pinned"], answer.json()["mutedUntil"]) == (True, iso(until))
    others = as_user(bob).get(f"{LIST}{group.pk}/").json()
    assert (others["pinned"], others["mutedUntil"]) == (False, None)
    assert group.memberships.get(user=alice).is_muted
    assert not group.memberships.get(user=bob).is_muted


def test_what_is_left_out_stays_as_it_is(group: Conversation, alice: User) -> None:
    client, until = as_user(alice), iso(timezone.now() + timedelta(days=1))
    client.patch(me(group), {"pinned": True})
    pinned_at = group.memberships.get(user=alice).pinned_at
    assert client.patch(me(group), {"mutedUntil": until, "pinned": True}).json()["pinned"] is True
    assert group.memberships.get(user=alice).pinned_at == pinned_at
    assert client.patch(me(group), {}).json()["mutedUntil"] == until
    assert client.patch(me(group), {"pinned": False}).json()["mutedUntil"] == until
    assert client.patch(me(group), {"mutedUntil": None}).json()["mutedUntil"] is None


def test_a_time_that_is_over_unmutes(group: Conversation, alice: User) -> None:
    client = as_user(alice)
    client.patch(me(group), {"mutedUntil": "9999-12-31T23:59:59Z"})
    assert group.memberships.get(user=alice).is_muted
    assert client.patch(me(group), {"mutedUntil": "2020-01-01T00:00:00Z"}).json()["mutedUntil"] is None
    assert group.memberships.get(user=alice).muted_until is None


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"pinned": None},
        {"pinned": "perhaps"},
        {"pinnedAt": "2026-01-01T00:00:00Z"},
        {"muted": True},
        {"mutedUntil": "tomorrow"},
        {"mutedUntil": 7},
        {"mutedUntil": "9999-12-31T23:59:59-23:00"},
        {"mutedUntil": "0001-01-01T00:00:00+23:00"},
    ],
)
def test_bad_preferences_are_refused(group: Conversation, alice: User, body: Any) -> None:
    assert error_of(as_user(alice).patch(me(group), body)) == (400, "INVALID_PAYLOAD")


def test_members_alone_have_preferences(group: Conversation, alice: User, carol: User) -> None:
    assert error_of(as_user(carol).patch(me(group), {"pinned": True})) == (404, "NOT_FOUND")
    services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=alice.pk)
    assert error_of(as_user(alice).patch(me(group), {"pinned": True})) == (404, "NOT_FOUND")
    assert not Membership.objects.filter(pinned_at__isnull=False).exists()


def test_ones_own_devices_are_told_once_of_what_has_changed(
    group: Conversation, alice: User, published: list[Intent]
) -> None:
    services.set_preferences(user_id=alice.pk, conversation_id=group.pk, pinned=True)
    services.set_preferences(user_id=alice.pk, conversation_id=group.pk, pinned=True)
    services.set_preferences(user_id=alice.pk, conversation_id=group.pk, muted_until=None)
    (push,) = published
    event = cast(ConversationUpdated, cast(Push, push).event)
    assert push == Push(UserRoom(alice.pk), event)
    assert (event.id, event.title, event.pinned, event.muted_until) == (str(group.pk), "Trip", True, None)
    assert b'"pinned":true,"mutedUntil":null' in encode(event)


def test_others_are_told_nothing_of_what_is_ones_own(group: Conversation, alice: User, published: list[Intent]) -> None:
    services.set_preferences(user_id=alice.pk, conversation_id=group.pk, pinned=True)
    published.clear()
    services.rename_conversation(actor_id=alice.pk, conversation_id=group.pk, title="Another")
    body = encode(cast(Push, published[0]).event)
    assert b"Another" in body
    assert b"pinned" not in body
    assert b"mutedUntil" not in body


# -- the list ------------------------------------------------------------------------------------------


def test_the_pinned_come_first_and_then_the_liveliest(alice: User) -> None:
    made = dict(zip("abcdef", groups(alice, *"abcdef"), strict=True))
    for title in "be":
        services.set_preferences(user_id=alice.pk, conversation_id=made[title].pk, pinned=True)
    for title in "ab":
        say(made[title], alice, "x")
    assert titles(as_user(alice)) == list("beafdc")
    services.set_preferences(user_id=alice.pk, conversation_id=made["b"].pk, pinned=False)
    assert titles(as_user(alice)) == list("ebafdc")


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_pages_hold_each_conversation_once_in_both_directions(alice: User, limit: int) -> None:
    for number, conversation in enumerate(groups(alice, *"abcdefg")):
        if number % 3 == 0:
            services.set_preferences(user_id=alice.pk, conversation_id=conversation.pk, pinned=True)
    client = as_user(alice)
    everything = list("gdafecb")
    assert titles(client, limit=limit) == everything
    page: str | None = f"{LIST}?limit={limit}"
    body: dict[str, Any] = {}
    while page:  # to the last one
        body = client.get(page).json()
        page = body["next"]
    backward = [[conversation["title"] for conversation in body["results"]]]
    while body["previous"]:
        body = client.get(body["previous"]).json()
        backward.append([conversation["title"] for conversation in body["results"]])
    assert flat(backward[::-1]) == everything


def test_a_page_is_not_moved_by_what_happens_above_it(alice: User) -> None:
    made = dict(zip("abcdef", groups(alice, *"abcdef"), strict=True))
    client = as_user(alice)
    first = client.get(f"{LIST}?limit=3").json()
    assert [conversation["title"] for conversation in first["results"]] == list("fed")
    say(made["e"], alice, "x")
    services.set_preferences(user_id=alice.pk, conversation_id=made["d"].pk, pinned=True)
    services.end_conversation(actor_id=alice.pk, conversation_id=made["f"].pk)
    groups(alice, "new")
    rest = client.get(first["next"]).json()
    assert [conversation["title"] for conversation in rest["results"]] == list("cba")


def test_a_page_of_conversations_that_began_at_the_same_moment_is_whole(alice: User) -> None:
    groups(alice, *"abcdefg")
    Conversation.objects.update(created_at=timezone.now())
    assert sorted(titles(as_user(alice), limit=2)) == list("abcdefg")


def test_the_list_is_narrowed_down_by_kind_and_by_what_is_pinned(
    group: Conversation, direct: Conversation, alice: User
) -> None:
    client = as_user(alice)

    def found(**query: str) -> set[str]:
        return {row["id"] for row in client.get(LIST, query).json()["results"]}

    assert found(kind="group") == {str(group.pk)}
    assert found(kind="direct") == {str(direct.pk)}
    assert found(pinned="true") == set()
    services.set_preferences(user_id=alice.pk, conversation_id=direct.pk, pinned=True)
    assert found(pinned="true") == {str(direct.pk)}
    assert found(pinned="false", kind="group") == {str(group.pk)}
    assert found(pinned="true", kind="group") == set()
    for name, value in (("kind", "crowd"), ("search", "x" * 151), ("search", "nul\x00")):
        assert error_of(client.get(LIST, {name: value})) == (400, "INVALID_PAYLOAD"), name


def test_conversations_are_found_by_their_title_and_by_who_is_in_them(
    group: Conversation, direct: Conversation, alice: User, bob: User, person: Person
) -> None:
    dora = person("dora", display_name="Dörthe D.")
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=dora.pk)
    client = as_user(alice)

    def found(text: str) -> set[str]:
        return {row["id"] for row in client.get(LIST, {"search": text}).json()["results"]}

    assert found("TRI") == {str(group.pk)}
    assert found("bob") == {str(group.pk), str(direct.pk)}
    assert found("rthe") == found("DORA") == {str(group.pk)}
    assert found("alice") == set()  # oneself is in all of them
    assert found("nobody") == found("%") == set()
    block_user(blocker_id=dora.pk, blocked_id=alice.pk)
    assert found("dora") == set()
    assert client.get(LIST, {"search": "bob"}).json()["results"][0]["members"]


def test_ones_list_holds_nothing_of_others(group: Conversation, carol: User) -> None:
    for query in ("", "search=Trip", "search=bob", "kind=group"):
        assert as_user(carol).get(f"{LIST}?{query}").json()["results"] == []


def test_searching_takes_as_many_queries_for_one_as_for_many(group: Conversation, alice: User, bob: User) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert as_user(alice).get(LIST, {"search": "bob", "pinned": "false"}).status_code == 200
        return len(queries)

    count()
    before = count()
    for _ in range(6):
        services.create_conversation(creator_id=bob.pk, kind="group", members=[alice.pk])
    assert count() == before
