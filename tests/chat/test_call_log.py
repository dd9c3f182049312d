"""The log of calls: over REST and in the admin."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient
from uuid_utils.compat import uuid7

from accounts.models import User
from accounts.services import block_user
from chat import services, urls
from chat.models import Call, Conversation
from tests.accounts.conftest import as_user, error_of
from tests.chat.ringing import answer, grow_old, hang_up, ring

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
LIST = "/api/calls/"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def listed(user: User, **query: Any) -> list[dict[str, Any]]:
    response = as_user(user).get(LIST, query)
    assert response.status_code == 200, response.content
    found: list[dict[str, Any]] = response.json()["results"]
    return found


def ids(user: User, **query: Any) -> list[str]:
    return [call["id"] for call in listed(user, **query)]


def direct_with(user: User, other: User) -> Conversation:
    return services.create_conversation(creator_id=user.pk, kind="direct", members=[other.pk])


def test_a_call_is_shown_to_the_two_and_to_nobody_else(
    direct: Conversation, alice: User, bob: User, carol: User
) -> None:
    call = ring(direct, alice, media="video", offer='{"type":"offer"}')
    for user in (alice, bob):
        shown = as_user(user).get(f"{LIST}{call.pk}/").json()
        assert MOMENT.fullmatch(shown.pop("createdAt"))
        assert MOMENT.fullmatch(shown.pop("expiresAt"))
        assert shown == {
            "id": str(call.pk),
            "conversationId": str(direct.pk),
            "callerId": str(alice.pk),
            "calleeId": str(bob.pk),
            "media": "video",
            "state": "ringing",
            "endReason": "",
            "missed": False,
            "answeredAt": None,
            "endedAt": None,
            "sdp": {"type": "offer"},
        }
        assert ids(user) == [str(call.pk)]
        assert "sdp" not in listed(user)[0]
    for identifier in (call.pk, uuid7(), "nonsense"):
        assert error_of(as_user(carol).get(f"{LIST}{identifier}/")) == (404, "NOT_FOUND")
    assert ids(carol) == []
    for address in (LIST, f"{LIST}{call.pk}/"):
        assert error_of(APIClient().get(address)) == (401, "AUTH_REQUIRED")
        assert as_user(alice).post(address).status_code == 405
    answer(call)
    shown = as_user(bob).get(f"{LIST}{call.pk}/").json()
    assert (shown["state"], shown["sdp"]) == ("active", None)
    assert MOMENT.fullmatch(shown["answeredAt"])
    hang_up(call, bob)
    shown = as_user(alice).get(f"{LIST}{call.pk}/").json()
    assert (shown["state"], shown["endReason"], shown["missed"]) == ("ended", "hangup", False)
    assert MOMENT.fullmatch(shown["endedAt"])


def test_what_was_missed_is_told_to_who_was_called(direct: Conversation, alice: User, bob: User) -> None:
    answered = answer(ring(direct, alice))
    hang_up(answered, alice)
    given_up = ring(direct, alice)
    hang_up(given_up, alice)
    rejected = ring(direct, alice)
    services.reject_call(user_id=bob.pk, device="x", call_id=rejected.pk)
    timed_out = ring(direct, alice)
    grow_old(timed_out)
    services.time_out_call(call_id=timed_out.pk)
    forgotten = ring(direct, alice)  # by a process that was killed
    grow_old(forgotten)
    assert ids(bob, missed="true") == [str(call.pk) for call in (forgotten, timed_out, given_up)]
    assert ids(bob, missed="false") == [str(call.pk) for call in (rejected, answered)]
    assert ids(alice, missed="true") == []
    shown = next(call for call in listed(bob) if call["id"] == str(forgotten.pk))
    assert (shown["state"], shown["endReason"], shown["missed"]) == ("ended", "timeout", True)


def test_calls_are_found_by_conversation_and_state(direct: Conversation, alice: User, bob: User, carol: User) -> None:
    over, other = ring(direct, alice), direct_with(alice, carol)
    hang_up(over, alice)
    rings = ring(other, alice)
    assert ids(alice) == [str(rings.pk), str(over.pk)]
    assert ids(alice, conversation=direct.pk) == [str(over.pk)] == ids(alice, state="ended")
    assert ids(alice, state="ringing") == [str(rings.pk)] == ids(carol, state="ringing")
    assert ids(bob, conversation=other.pk) == []
    assert ids(alice, state="ended", conversation=other.pk) == []
    grow_old(rings)
    assert ids(alice, state="ringing") == []
    assert len(ids(alice, state="ended")) == 2
    for query in ({"state": "gone"}, {"conversation": "x"}, {"missed": "perhaps"}, {"limit": "0"}, {"cursor": "x"}):
        assert error_of(as_user(alice).get(LIST, query)) == (400, "INVALID_PAYLOAD"), query


def test_a_block_hides_calls_from_both_and_no_others(direct: Conversation, alice: User, bob: User, carol: User) -> None:
    calls = [ring(direct, alice)]
    hang_up(calls[0], alice)
    calls.append(ring(direct_with(carol, alice), carol))
    block_user(blocker_id=bob.pk, blocked_id=alice.pk)
    assert ids(bob) == []
    assert ids(alice) == [str(calls[1].pk)]
    for user in (alice, bob):
        assert error_of(as_user(user).get(f"{LIST}{calls[0].pk}/")) == (404, "NOT_FOUND")


def test_pages_are_whole_and_cost_the_same_however_long_they_are(
    direct: Conversation, alice: User, person: Callable[..., User]
) -> None:
    def cost() -> int:
        client = as_user(alice)
        with CaptureQueriesContext(connection) as queries:
            client.get(LIST)
        return len(queries)

    hang_up(ring(direct, alice), alice)
    few = cost()
    for number in range(6):
        talk = direct_with(alice, person(f"guest-{number}"))
        hang_up(ring(talk, alice), alice)
    assert cost() == few
    seen, url = [], f"{LIST}?limit=3"
    while url:
        page = as_user(alice).get(url).json()
        seen += [call["id"] for call in page["results"]]
        url = page["next"]
    assert seen == [str(call.pk) for call in Call.objects.order_by("-id")]
    assert len(seen) == 7


def test_the_addresses_are_described_without_a_warning() -> None:
    patterns = [pattern for pattern in urls.api_urlpatterns if str(pattern.pattern).startswith("calls/")]
    GENERATOR_STATS.reset()
    generator: Any = SchemaGenerator(patterns=patterns)  # type: ignore[no-untyped-call]
    schema = generator.get_schema(public=True)
    assert not GENERATOR_STATS
    assert set(schema["paths"]) == {"/calls/", "/calls/{callId}/"}
    asked = {parameter["name"] for parameter in schema["paths"]["/calls/"]["get"]["parameters"]}
    assert asked == {"conversation", "state", "missed", "cursor", "limit"}


# -- the admin -----------------------------------------------------------------------------------------------------


def test_staff_read_calls_and_change_none(
    direct: Conversation, alice: User, admin_user: User, person: Callable[..., User]
) -> None:
    call, address = ring(direct, alice), reverse("admin:chat_call_changelist")
    desk = Client()
    desk.force_login(admin_user)
    for query, number in (({"q": "bob"}, 1), ({"q": "nobody"}, 0), ({"state__exact": "ended"}, 0), ({}, 1)):
        response = desk.get(address, query)
        assert response.status_code == 200
        assert response.context["cl"].result_count == number
    with CaptureQueriesContext(connection) as few:
        desk.get(address)
    for number in range(5):
        caller = person(f"a{number}")
        ring(direct_with(caller, person(f"b{number}")), caller)
    with CaptureQueriesContext(connection) as many:
        desk.get(address)
    assert len(many) == len(few)
    assert desk.get(reverse("admin:chat_call_change", args=[call.pk])).status_code == 200
    assert desk.post(reverse("admin:chat_call_change", args=[call.pk]), {"state": "ended"}).status_code == 403
    assert desk.get(reverse("admin:chat_call_add")).status_code == 403


def test_people_without_the_permission_do_not_see_them(alice: User, bob: User) -> None:
    bob.is_staff = True
    bob.save()
    for user, status in ((alice, 302), (bob, 403)):
        desk = Client()
        desk.force_login(user)
        assert desk.get(reverse("admin:chat_call_changelist")).status_code == status
    bob.user_permissions.add(Permission.objects.get(codename="view_call"))
    desk = Client()
    desk.force_login(bob)
    assert desk.get(reverse("admin:chat_call_changelist")).status_code == 200
