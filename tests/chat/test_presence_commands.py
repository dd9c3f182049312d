"""Presence over the socket and over REST, on one server."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts import services
from accounts.models import User
from accounts.services import block_user, set_status, update_privacy
from chat import services as chat
from chat.events import PresenceChanged
from chat.models import Conversation
from realtime.testing import CallError, Client
from realtime.times import iso
from tests.accounts.conftest import as_user, error_of

pytestmark = pytest.mark.django_db(transaction=True)
Connect = Callable[..., Client]


@pytest.fixture(autouse=True)
def hasty(settings: Settings) -> None:
    """Times of a test's patience."""
    settings.STATUS_EXPIRY_INTERVAL = 0.02
    settings.REALTIME = {**settings.REALTIME, "OFFLINE_GRACE": 0.1}


def refusal(client: Client, name: str, data: Any) -> str:
    with pytest.raises(CallError) as refused:
        client.call(name, data)
    return str(refused.value.code)


def members(client: Client, conversation: Conversation) -> dict[str, dict[str, Any]]:
    reply = client.call("presence.get", {"conversationId": str(conversation.pk)})
    assert reply["conversationId"] == str(conversation.pk)
    return {member["userId"]: member for member in reply["members"]}


def test_a_status_is_one_for_all_devices_and_told_to_those_who_share_a_conversation(
    connect: Connect, group: Conversation, alice: User, bob: User, carol: User
) -> None:
    phone, laptop, listener, stranger = connect(alice), connect(alice), connect(bob), connect(carol)
    phone.call("presence.set", {"status": "busy", "text": "in a meeting"})
    heard = listener.expect(PresenceChanged, userId=str(alice.pk), status="busy")
    assert heard.text == "in a meeting"
    laptop.call("presence.set", {"status": "away"})
    assert listener.expect(PresenceChanged, userId=str(alice.pk), status="away").text == ""
    phone.close()
    laptop.call("ping")
    assert members(listener, group)[str(alice.pk)]["status"] == "away"
    for client in (stranger, laptop):
        assert not [frame for frame in client.inbox if frame["data"].get("userId") == str(alice.pk)]
    stranger.hears_nothing(PresenceChanged)


def test_a_status_outlives_the_connection(connect: Connect, group: Conversation, alice: User, bob: User) -> None:
    listener = connect(bob)
    with connect(alice) as client:
        client.call("presence.set", {"status": "dnd"})
        listener.expect(PresenceChanged, status="dnd")
    listener.expect(PresenceChanged, status="offline")
    connect(alice)
    listener.expect(PresenceChanged, status="dnd")


def test_the_reply_is_what_holds_now(connect: Connect, alice: User) -> None:
    client, until = connect(alice), iso(timezone.now() + timedelta(hours=1))
    assert client.call("presence.set", {"status": "busy", "text": " x ", "expiresAt": until}) == {
        "status": "busy",
        "text": "x",
        "expiresAt": until,
    }
    assert as_user(alice).get("/api/me/presence/").json() == {"status": "busy", "text": "x", "expiresAt": until}
    assert client.call("presence.set", {"status": "online", "text": None, "expiresAt": None}) == {
        "status": "online",
        "text": "",
        "expiresAt": None,
    }


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"status": "asleep"},
        {"status": 1},
        {"status": "busy", "text": "x" * 141},
        {"status": "busy", "text": "a\x00"},
        {"status": "busy", "text": ["x"]},
        {"status": "busy", "expiresAt": "soon"},
        {"status": "busy", "expiresAt": "2020-01-01T00:00:00.000Z"},
        {"status": "busy", "expiresAt": "2099-01-01T00:00:00"},
        {"status": "busy", "expiresAt": "9999-12-31T23:59:59-14:00"},
        {"status": "busy", "more": 1},
    ],
)
def test_a_bad_status_is_refused_and_the_connection_stays(connect: Connect, alice: User, data: dict[str, Any]) -> None:
    client = connect(alice)
    assert refusal(client, "presence.set", data) == "INVALID_PAYLOAD"
    assert client.call("ping")
    alice.refresh_from_db()
    assert alice.status == "online"


def test_a_status_ends_when_its_time_has_come_and_that_is_told_once(
    connect: Connect, group: Conversation, alice: User, bob: User
) -> None:
    listener, client = connect(bob), connect(alice)
    listener.expect(PresenceChanged, userId=str(alice.pk), status="online")
    until = iso(timezone.now() + timedelta(seconds=0.3))
    client.call("presence.set", {"status": "busy", "text": "tea", "expiresAt": until})
    listener.expect(PresenceChanged, status="busy", text="tea")
    ended = listener.expect(PresenceChanged, status="online", userId=str(alice.pk), text="")
    assert timezone.now() >= datetime.fromisoformat(until)
    alice.refresh_from_db()
    assert (ended.text, alice.status, alice.status_expires_at) == ("", "online", None)
    client.call("presence.set", {"status": "away"})
    listener.expect(PresenceChanged, status="away")
    listener.hears_nothing(PresenceChanged)


def test_what_ended_while_no_server_ran_is_taken_back_by_the_next(
    request: pytest.FixtureRequest, transactional_db: None, alice: User
) -> None:
    set_status(user_id=alice.pk, status="busy", text="tea", expires_at=timezone.now() + timedelta(hours=1))
    User.objects.filter(pk=alice.pk).update(status_expires_at=timezone.now())
    client = request.getfixturevalue("connect")(alice)
    while (presence := as_user(alice).get("/api/me/presence/").json())["status"] != "online":
        client.call("ping")
    assert presence == {"status": "online", "text": "", "expiresAt": None}


def test_who_is_invisible_hears_all_and_is_not_seen(
    connect: Connect, group: Conversation, alice: User, bob: User
) -> None:
    set_status(user_id=alice.pk, status="offline")
    listener = connect(bob)
    hidden = connect(alice)
    hidden.call("ping")
    assert members(listener, group)[str(alice.pk)] == {
        "userId": str(alice.pk),
        "status": "offline",
        "text": "",
        "lastSeenAt": None,
    }
    assert members(hidden, group)[str(bob.pk)]["status"] == "online"
    assert listener.call("users.checkOnline", {"userIds": [str(alice.pk)]})["statuses"] == {str(alice.pk): False}
    listener.hears_nothing(PresenceChanged)
    hidden.call("presence.set", {"status": "online"})
    listener.expect(PresenceChanged, userId=str(alice.pk), status="online")
    assert listener.call("users.checkOnline", {"userIds": [str(alice.pk)]})["statuses"] == {str(alice.pk): True}


def test_members_alone_see_who_of_a_conversation_is_here(
    connect: Connect, group: Conversation, alice: User, bob: User, carol: User
) -> None:
    client = connect(alice)
    there = members(client, group)
    assert {user: member["status"] for user, member in there.items()} == {
        str(alice.pk): "online",
        str(bob.pk): "offline",
    }
    stranger = connect(carol)
    assert refusal(stranger, "presence.get", {"conversationId": str(group.pk)}) == "NOT_FOUND"
    for data in ({}, {"conversationId": "nonsense"}, {"conversationId": str(group.pk), "more": 1}):
        assert refusal(client, "presence.get", data) == "INVALID_PAYLOAD"


def test_who_is_blocked_is_listed_as_offline(connect: Connect, group: Conversation, alice: User, bob: User) -> None:
    one, other = connect(alice), connect(bob)
    one.expect(PresenceChanged, userId=str(bob.pk), status="online")
    assert members(one, group)[str(bob.pk)]["status"] == "online"
    block_user(blocker_id=bob.pk, blocked_id=alice.pk)
    gone = [client.expect(PresenceChanged, status="offline") for client in (one, other)]
    assert [event.user_id for event in gone] == [str(bob.pk), str(alice.pk)]
    for client, user in ((one, bob), (other, alice)):
        unseen = {"userId": str(user.pk), "status": "offline", "text": "", "lastSeenAt": None}
        assert members(client, group)[str(user.pk)] == unseen
    other.call("presence.set", {"status": "busy"})
    one.hears_nothing(PresenceChanged)
    services.unblock_user(blocker_id=bob.pk, blocked_id=alice.pk)
    one.expect(PresenceChanged, userId=str(bob.pk), status="busy")
    other.expect(PresenceChanged, userId=str(alice.pk), status="online")


def test_who_shows_it_to_nobody_is_seen_by_nobody(
    connect: Connect, group: Conversation, alice: User, bob: User, carol: User
) -> None:
    listener, stranger = connect(bob), connect(carol)
    connect(alice)
    listener.expect(PresenceChanged, userId=str(alice.pk), status="online")
    count = stranger.call("users.onlineCount")["count"]
    ask = {"userIds": [str(alice.pk)]}
    for audience, contact, other in (("contacts", True, False), ("nobody", False, False), ("everyone", True, True)):
        assert as_user(alice).patch("/api/me/privacy/", {"presence": audience}).status_code == 200
        assert listener.call("users.checkOnline", ask)["statuses"][str(alice.pk)] is contact
        assert stranger.call("users.checkOnline", ask)["statuses"][str(alice.pk)] is other
        hidden = audience == "nobody"
        assert stranger.call("users.onlineCount")["count"] == count - hidden
    assert [listener.expect(PresenceChanged, userId=str(alice.pk)).status for _ in range(2)] == ["offline", "online"]
    stranger.hears_nothing(PresenceChanged)


def test_the_answer_takes_as_many_queries_for_many_as_for_few(
    group: Conversation, alice: User, bob: User, person: Callable[..., User], django_assert_num_queries: Any
) -> None:
    from chat.commands.presence import Where, get_presence  # noqa: PLC0415 -- as the socket calls it
    from tests.vocabularies.people import session_of  # noqa: PLC0415

    session = session_of(type("Asker", (), {"id": str(alice.pk)})())
    for more in ([], [person(f"member{number}") for number in range(6)]):
        for user in more:
            chat.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=user.pk)
        with django_assert_num_queries(5):
            get_presence(session, Where(conversation_id=group.pk))


# -- REST ---------------------------------------------------------------------------------------------


def test_privacy_is_shown_and_changed_over_rest(alice: User) -> None:
    client = as_user(alice)
    assert client.get("/api/me/privacy/").json() == {"presence": "everyone", "lastSeen": "everyone"}
    assert client.patch("/api/me/privacy/", {"lastSeen": "nobody"}).json() == {
        "presence": "everyone",
        "lastSeen": "nobody",
    }
    assert client.patch("/api/me/privacy/", {"presence": "contacts"}).json() == {
        "presence": "contacts",
        "lastSeen": "nobody",
    }
    assert client.patch("/api/me/privacy/", {}).json() == {"presence": "contacts", "lastSeen": "nobody"}


@pytest.mark.parametrize("body", [{"presence": "friends"}, {"presence": None}, {"lastSeen": ""}, {"more": "nobody"}])
def test_a_bad_audience_is_refused(alice: User, body: dict[str, Any]) -> None:
    assert error_of(as_user(alice).patch("/api/me/privacy/", body)) == (400, "INVALID_PAYLOAD")


def test_a_status_is_chosen_over_rest(connect: Connect, group: Conversation, alice: User, bob: User) -> None:
    listener = connect(bob)
    connect(alice)
    until = iso(timezone.now() + timedelta(hours=1))
    body = {"status": "dnd", "text": "exam", "expiresAt": until}
    assert as_user(alice).put("/api/me/presence/", body).json() == body
    listener.expect(PresenceChanged, userId=str(alice.pk), status="dnd", text="exam")
    plain = {"status": "online", "text": "", "expiresAt": None}
    assert as_user(alice).put("/api/me/presence/", {"status": "online"}).json() == plain
    listener.expect(PresenceChanged, userId=str(alice.pk), status="online", text="")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"status": "asleep"},
        {"status": "busy", "text": "x" * 141},
        {"status": "busy", "text": "a\x00"},
        {"status": "busy", "expiresAt": "2020-01-01T00:00:00.000Z"},
        {"status": "busy", "more": 1},
    ],
)
def test_a_bad_status_over_rest_is_refused(alice: User, body: dict[str, Any]) -> None:
    assert error_of(as_user(alice).put("/api/me/presence/", body)) == (400, "INVALID_PAYLOAD")


@pytest.mark.parametrize("address", ["/api/me/presence/", "/api/me/privacy/"])
def test_strangers_have_neither(stranger: Any, address: str, db: None) -> None:
    assert error_of(stranger.get(address))[0] == 401


def test_lists_of_people_show_no_more_than_may_be_seen(
    group: Conversation, alice: User, bob: User, carol: User
) -> None:
    set_status(user_id=alice.pk, status="busy", text="work")
    services.set_presence(user_id=alice.pk, online=True)

    def shown(reader: User) -> tuple[Any, ...]:
        one = as_user(reader).get(f"/api/users/{alice.pk}/").json()
        (found,) = as_user(reader).get("/api/users/?search=alice").json()["results"]
        assert one == found
        return one["isOnline"], one["status"], one["statusText"], one["lastSeenAt"] is not None

    assert shown(carol) == (True, "busy", "work", True)
    update_privacy(user_id=alice.pk, last_seen_shown_to="contacts")
    assert (shown(carol), shown(bob)) == ((True, "busy", "work", False), (True, "busy", "work", True))
    update_privacy(user_id=alice.pk, presence_shown_to="contacts")
    assert (shown(carol), shown(bob)) == ((False, "offline", "", False), (True, "busy", "work", True))
    set_status(user_id=alice.pk, status="offline")
    assert shown(bob)[:2] == (False, "offline")


def test_lists_of_members_show_no_more_than_may_be_seen(group: Conversation, alice: User, bob: User) -> None:
    services.set_presence(user_id=alice.pk, online=True)

    def is_shown(reader: User) -> bool:
        found = as_user(reader).get(f"/api/conversations/{group.pk}/members/").json()
        rows = found["results"] if isinstance(found, dict) else found
        return bool(next(row for row in rows if row["userId"] == str(alice.pk))["isOnline"])

    assert is_shown(bob)
    update_privacy(user_id=alice.pk, presence_shown_to="nobody")
    assert (is_shown(bob), is_shown(alice)) == (False, True)
    update_privacy(user_id=alice.pk, presence_shown_to="contacts")
    assert is_shown(bob)
    set_status(user_id=alice.pk, status="offline")
    assert not is_shown(bob)
