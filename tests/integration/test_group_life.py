"""Groups live: roles, titles, ends and what is one's own, heard over real sockets on two processes."""

from collections.abc import Callable
from random import Random
from typing import Any
from urllib.error import HTTPError

import pytest

from accounts.models import User
from chat.events import ConversationCreated, ConversationUpdated, MemberAdded, MemberRemoved, MessageNew
from chat.models import Conversation
from realtime.testing import Client
from tests.integration.conftest import Site, pair
from tests.integration.families import Connect, logged_in

Join = Callable[..., Client]
Person = Callable[..., User]


def talk(site: Site, user: User, conversation: Conversation, text: str) -> None:
    site.servers[0].rest(user, "POST", f"conversations/{conversation.pk}/messages/", {"text": text})


def meet(site: Site, user: User, *others: User) -> None:
    """A group of all of them: its beginning is heard after all that was told before."""
    members = [str(other.pk) for other in others]
    site.servers[0].rest(user, "POST", "conversations/", {"kind": "group", "title": "the end", "members": members})


def test_a_title_and_roles_are_heard_by_the_members_alone(
    site: Site, join: Join, group: Conversation, alice: User, bob: User, carol: User, person: Person
) -> None:
    dora = person("dora")
    clients = [join(site.servers[-1], user) for user in (alice, bob, carol)]
    other = join(site.servers[-1], dora)
    rest, path = site.servers[0].rest, f"conversations/{group.pk}/"
    rest(alice, "PATCH", path, {"title": "Lunch"})
    rest(alice, "PATCH", f"{path}members/{bob.pk}/", {"role": "admin"})
    rest(bob, "PATCH", path, {"title": "Dinner"})
    rest(alice, "PATCH", f"{path}members/{carol.pk}/", {"role": "owner"})
    meet(site, alice, bob, carol, dora)
    for client in clients:
        told = [client.expect(ConversationUpdated) for _ in range(4)]
        assert [event.title for event in told] == ["Lunch", "Lunch", "Dinner", "Dinner"]
        assert {member.user_id: member.role for member in told[-1].members} == {
            str(alice.pk): "admin",
            str(bob.pk): "admin",
            str(carol.pk): "owner",
        }
    other.expect(ConversationCreated, title="the end")
    assert not [frame for frame in other.inbox if frame["event"].startswith("conversation.")]


def test_what_is_pinned_is_heard_by_ones_own_devices_alone(
    site: Site, join: Join, group: Conversation, alice: User, bob: User
) -> None:
    devices = [join(server, alice) for server in (site.servers[0], site.servers[-1])]
    other = join(site.servers[-1], bob)
    shown = site.servers[0].rest(
        alice, "PATCH", f"conversations/{group.pk}/me/", {"pinned": True, "mutedUntil": "2999-01-01T00:00:00Z"}
    )
    assert (shown["pinned"], shown["mutedUntil"]) == (True, "2999-01-01T00:00:00.000Z")
    meet(site, alice, bob)
    for device in devices:
        event = device.expect(ConversationUpdated)
        assert (event.id, event.pinned, event.muted_until) == (str(group.pk), True, "2999-01-01T00:00:00.000Z")
    other.expect(ConversationCreated, title="the end")
    assert not [frame for frame in other.inbox if frame["event"] == "conversation.updated"]


def test_who_is_in_a_group_that_ends_hears_of_it_and_then_nothing(
    site: Site, join: Join, group: Conversation, alice: User, bob: User, carol: User
) -> None:
    clients = {user: join(site.servers[-1], user) for user in (alice, bob, carol)}
    with pytest.raises(HTTPError) as refused:
        site.servers[0].rest(bob, "DELETE", f"conversations/{group.pk}/")
    assert refused.value.code == 403
    refused.value.close()
    site.servers[0].rest(alice, "DELETE", f"conversations/{group.pk}/")
    meet(site, alice, bob, carol)
    for user, client in clients.items():
        assert client.expect(MemberRemoved).user_id == str(user.pk)
        client.expect(ConversationCreated, title="the end")
        assert not [frame for frame in client.inbox if frame["event"] == "conversation.memberRemoved"]
        assert f"conversation:{group.pk}" not in client.call("rooms.list")["rooms"]


@pytest.mark.parametrize("road", ["deactivated", "deleted"])
def test_a_group_whose_owner_goes_for_good_is_heard_to_have_another(
    site: Site, join: Join, group: Conversation, alice: User, bob: User, road: str
) -> None:
    client = join(site.servers[-1], bob)
    if road == "deleted":
        alice.delete()
        assert client.expect(MemberRemoved).conversation_id == str(group.pk)
    else:
        alice.is_active = False
        alice.save()
    owners = [member.user_id for member in client.expect(ConversationUpdated).members if member.role == "owner"]
    assert owners == [str(bob.pk)]


@pair
def test_clients_of_the_families_join_and_leave_with_the_group(
    site: Site, javascript: Connect, group: Conversation, alice: User, bob: User, person: Person
) -> None:
    dora = person("dora")
    groups, messenger = javascript(site.servers[1], dora), logged_in(javascript(site.servers[1]), bob, group.pk)
    assert groups.expect("connected")
    site.servers[0].rest(alice, "PATCH", f"conversations/{group.pk}/members/{bob.pk}/", {"role": "admin"})
    site.servers[0].rest(bob, "POST", f"conversations/{group.pk}/members/", {"userId": str(dora.pk)})
    talk(site, alice, group, "inside")
    assert groups.expect("newMessage")["text"] == "inside"
    assert messenger.expect("message-new")["text"] == "inside"
    site.servers[0].rest(alice, "DELETE", f"conversations/{group.pk}/members/{bob.pk}/")
    talk(site, alice, group, "without bob")
    assert groups.expect("newMessage")["text"] == "without bob"
    messenger.hears_nothing("message-new")
    site.servers[0].rest(alice, "DELETE", f"conversations/{group.pk}/")
    for name in ("joinGroup", "sendMessage"):
        answer = groups.call(name, {"groupId": str(group.pk), "text": "hello?"})
        assert answer["code"] in {"FORBIDDEN", "NOT_FOUND"}
    messenger.emit("join-room", str(group.pk))
    assert messenger.expect("error")["code"] == "JOIN_ROOM_FAILED"
    groups.hears_nothing("newMessage")


# -- state plus events equals a fresh fetch -------------------------------------------------------------

OF_OTHERS = {"isOnline", "unreadCount", "version"}  # presence and messages have events of their own
Heard = dict[tuple[str, str], int]
"""The version of what a client knows last of a conversation (and nobody in particular), and of one person in it."""


def plain(conversation: dict[str, Any]) -> dict[str, Any]:
    """As a client keeps it, which any answer and any whole event fills."""
    members = [{key: member[key] for key in member.keys() - OF_OTHERS} for member in conversation["members"]]
    kept = {key: conversation[key] for key in conversation.keys() - OF_OTHERS}
    return {**kept, "members": {member["userId"]: member for member in members}}


def apply(state: dict[str, dict[str, Any]], heard: Heard, event: str, data: dict[str, Any], own: str) -> None:
    """What a client makes of an event: of what is said of one thing, the higher version counts."""
    key, user = data.get("conversationId", data.get("id", "")), data.get("userId", "")
    known, version = state.get(key), data.get("version") or 0
    is_later = version > max(heard.get((key, ""), -1), heard.get((key, user), -1))
    match event:
        case "conversation.created":
            state[key] = {"pinned": False, "mutedUntil": None} | plain(data)
        case "conversation.updated" if known and is_later:
            told, before = plain(data), known["members"]
            later = {one for one in told["members"].keys() | before.keys() if heard.get((key, one), -1) > version}
            members = {one: member for one, member in told["members"].items() if one not in later}
            known |= told | {"members": members | {one: before[one] for one in later & before.keys()}}
        case "conversation.memberAdded" if known and is_later:
            known["members"][user] = data["member"]
        case "conversation.memberRemoved" if user == own:
            state.pop(key, None)
        case "conversation.memberRemoved" if known and is_later:
            known["members"].pop(user, None)
        case _:
            return
    heard[key, user] = version


def fetch(site: Site, user: User) -> dict[str, dict[str, Any]]:
    found = site.servers[0].rest(user, "GET", "conversations/?limit=200")["results"]
    return {conversation["id"]: plain(conversation) for conversation in found}


def anything(random: Random, people: list[User]) -> tuple[User, str, str, Any]:
    """Who asks for what, where (a group is filled in), with which body."""
    actor, user = random.choice(people), random.choice(people)
    member = f"members/{user.pk}/"
    wishes: list[tuple[str, str, Any]] = [
        ("POST", "members/", {"userId": str(user.pk)}),
        ("DELETE", member, None),
        ("PATCH", member, {"role": random.choice(["owner", "admin", "member"])}),
        ("PATCH", "", {"title": f"Title {random.randrange(100)}"}),
        (
            "PATCH",
            "me/",
            {"pinned": random.random() < 0.5, "mutedUntil": random.choice([None, "2999-01-01T00:00:00Z"])},
        ),
        ("DELETE", "", None),
    ]
    return (actor, *random.choices(wishes, weights=[6, 4, 5, 3, 3, 1])[0])


def attempt(site: Site, user: User, method: str, path: str, body: Any) -> int:
    """The status of the refusal; 0 if it was done."""
    try:
        site.servers[0].rest(user, method, path, body)
    except HTTPError as refused:
        refused.close()
        return refused.code
    return 0


@pytest.mark.parametrize("seed", [1, 2])
def test_what_clients_make_of_the_events_is_what_a_fresh_fetch_shows(
    site: Site, join: Join, alice: User, bob: User, carol: User, person: Person, seed: int
) -> None:
    random, people = Random(seed), [alice, bob, carol, person("dora")]
    clients = {user: join(site.servers[-1], user) for user in people}
    groups: list[str] = []
    for step in range(120):
        if step % 20 == 0:
            body = {"kind": "group", "title": f"{step}", "members": [str(people[1].pk), str(people[2].pk)]}
            groups.append(site.servers[0].rest(alice, "POST", "conversations/", body)["id"])
        actor, method, path, wish = anything(random, people)
        assert attempt(site, actor, method, f"conversations/{random.choice(groups)}/{path}", wish) in {0, 400, 403, 404}
    meet(site, alice, *people[1:])
    for user, client in clients.items():
        state: dict[str, dict[str, Any]] = {}
        heard: Heard = {}
        while not any(kept["title"] == "the end" for kept in state.values()):
            frame = client.inbox.pop(0) if client.inbox else client.receive()
            apply(state, heard, frame["event"], frame["data"], str(user.pk))
        assert state == fetch(site, user)


def test_who_is_let_in_knows_all_before_the_first_message(
    site: Site, join: Join, group: Conversation, alice: User, person: Person
) -> None:
    dora = person("dora")
    client = join(site.servers[-1], dora)
    talk(site, alice, group, "before")
    site.servers[0].rest(alice, "POST", f"conversations/{group.pk}/members/", {"userId": str(dora.pk)})
    talk(site, alice, group, "inside")
    client.expect(MessageNew, text="inside")
    told = [frame for frame in client.inbox if frame["event"].startswith(("conversation.", "message."))]
    assert [frame["event"] for frame in told] == ["conversation.created", "conversation.memberAdded"]
    fresh = site.servers[0].rest(dora, "GET", f"conversations/{group.pk}/")
    assert plain(told[0]["data"])["members"] == plain(fresh)["members"]
    assert MemberAdded.wire == told[1]["event"]
