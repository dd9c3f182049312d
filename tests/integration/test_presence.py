"""Presence and typing, as official clients of the families live them, over two processes."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import redis as redis_client

from accounts.models import User
from chat import services
from chat.models import Conversation
from realtime.testing import Client
from realtime.times import iso
from tests.integration.conftest import Site, pair
from tests.integration.families import Connect, logged_in
from tests.integration.javascript import JavaScriptClient
from tests.integration.servers import ServerProcess

pytestmark = pair
Join = Callable[..., Client]
QUICK = {"CHAT_TYPING_TIMEOUT": "0.5", "STATUS_EXPIRY_INTERVAL": "0.05", "REALTIME_PRESENCE_LEASE": "1"}


@pytest.fixture
def redis(site: Site) -> Iterator["redis_client.Redis"]:
    with redis_client.Redis.from_url(site.redis, decode_responses=True) as client:
        yield client


@pytest.fixture
def quick(site: Site) -> Iterator[ServerProcess]:
    """One more process, in which typing stops soon."""
    server = ServerProcess(REDIS_URL=site.redis, **QUICK).start()
    yield server
    server.stop()


@pytest.fixture
def pair_of(site: Site, javascript: Connect, group: Conversation, alice: User, bob: User) -> list[JavaScriptClient]:
    """Alice and Bob, each on a process, in the group."""
    one = logged_in(javascript(site.servers[0]), alice, group.pk)
    while not User.objects.get(pk=alice.pk).is_online:  # then she has been told of, or is about to be
        one.call("ping")
    other = logged_in(javascript(site.servers[1]), bob, group.pk)
    one.expect("presence", str(bob.pk), "online")
    one.inbox.clear()
    other.pass_marker()
    other.inbox.clear()
    return [one, other]


# -- typing -------------------------------------------------------------------------------------------


def test_typing_is_told_to_the_others_who_joined(
    site: Site, javascript: Connect, pair_of: list[JavaScriptClient], group: Conversation, alice: User, carol: User
) -> None:
    typist, listener = pair_of
    own = logged_in(javascript(site.servers[1]), alice, group.pk)
    outside = logged_in(javascript(site.servers[1]), carol)
    for _ in range(3):
        typist.emit("typing-start", str(group.pk))
    assert listener.expect("typing") == [str(alice.pk), str(group.pk)]
    typist.emit("typing-stop", str(group.pk))
    assert listener.expect("typing-stop") == [str(alice.pk), str(group.pk)]
    for client in (typist, own, outside, listener):
        client.hears_nothing("typing", "typing-stop", "error")


def test_typing_stops_by_itself_and_on_disconnect(
    site: Site,
    javascript: Connect,
    quick: ServerProcess,
    pair_of: list[JavaScriptClient],
    group: Conversation,
    alice: User,
    carol: User,
) -> None:
    typist, listener = pair_of
    hasty = logged_in(javascript(quick), carol, group.pk)
    hasty.emit("typing-start", str(group.pk))
    assert listener.expect("typing") == [str(carol.pk), str(group.pk)]
    assert listener.expect("typing-stop") == [str(carol.pk), str(group.pk)]
    typist.emit("typing-start", str(group.pk))
    assert listener.expect("typing") == [str(alice.pk), str(group.pk)]
    typist.disconnect()
    assert listener.expect("typing-stop") == [str(alice.pk), str(group.pk)]


def test_a_message_ends_typing(site: Site, pair_of: list[JavaScriptClient], group: Conversation, alice: User) -> None:
    typist, listener = pair_of
    typist.emit("typing-start", str(group.pk))
    listener.expect("typing")
    site.servers[1].rest(alice, "POST", f"conversations/{group.pk}/messages/", {"text": "by another process"})
    listener.expect("message-new")
    assert listener.expect("typing-stop") == [str(alice.pk), str(group.pk)]


@pytest.mark.parametrize("name", ["typing-start", "typing-stop", "get-online-users"])
def test_strangers_and_bad_input_get_an_error(
    site: Site,
    javascript: Connect,
    pair_of: list[JavaScriptClient],
    group: Conversation,
    person: Callable[..., User],
    name: str,
) -> None:
    stranger = logged_in(javascript(site.servers[0]), person("dora"))
    for argument, code in (
        (str(group.pk), "NOT_FOUND"),
        (str(uuid4()), "NOT_FOUND"),
        ("nonsense", "INVALID_PAYLOAD"),
        (7, "INVALID_PAYLOAD"),
        (None, "INVALID_PAYLOAD"),
    ):
        stranger.emit(name, argument)
        assert stranger.expect("error")["code"] == code
        assert stranger.call(name, argument)["code"] == code
    stranger.emit(name)
    assert stranger.expect("error")["code"] == "INVALID_PAYLOAD"
    for client in pair_of:
        client.hears_nothing("typing", "typing-stop")


def test_typing_of_a_killed_process_ends(
    site: Site, javascript: Connect, quick: ServerProcess, group: Conversation, bob: User, carol: User
) -> None:
    listener = logged_in(javascript(site.servers[0]), bob, group.pk)
    typist = logged_in(javascript(quick, reconnection=False), carol, group.pk)
    typist.emit("typing-start", str(group.pk))
    assert listener.expect("typing") == [str(carol.pk), str(group.pk)]
    quick.kill()
    assert listener.expect("typing-stop") == [str(carol.pk), str(group.pk)]
    listener.hears_nothing("typing-stop")


# -- presence -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["away", "busy", "dnd", "online", "offline"])
def test_a_status_is_told_in_two_arguments(
    pair_of: list[JavaScriptClient], group: Conversation, alice: User, status: str
) -> None:
    one, other = pair_of
    one.emit("presence-update", "busy" if status == "online" else "online")
    one.emit("presence-update", status)
    other.expect("presence", str(alice.pk), status)
    one.emit("get-online-users", str(group.pk))
    listed = one.expect("online-users")
    assert (str(alice.pk) in listed["users"]) is (status != "offline")


@pytest.mark.parametrize("wrong", ["asleep", 7, None, {"status": "away"}])
def test_a_bad_status_is_an_error(pair_of: list[JavaScriptClient], wrong: object) -> None:
    one, other = pair_of
    one.emit("presence-update", wrong)
    assert one.expect("error")["code"] == "INVALID_PAYLOAD"
    other.hears_nothing("presence")


def test_who_is_here_is_answered_with_the_asker_and_by_acknowledgement(
    site: Site, javascript: Connect, pair_of: list[JavaScriptClient], group: Conversation, alice: User, bob: User
) -> None:
    one, other = pair_of
    for asker in pair_of:
        asker.emit("get-online-users", str(group.pk))
        here = asker.expect("online-users")
        assert (here["conversationId"], set(here["users"])) == (str(group.pk), {str(alice.pk), str(bob.pk)})
        answer = asker.call("get-online-users", str(group.pk))
        assert (answer.keys(), set(answer["users"])) == (here.keys(), set(here["users"]))
    other.disconnect()
    one.expect("presence", str(bob.pk), "offline")
    assert one.call("get-online-users", str(group.pk))["users"] == [str(alice.pk)]


def test_several_devices_make_one_status_and_the_last_one_ends_it(
    site: Site, javascript: Connect, pair_of: list[JavaScriptClient], alice: User
) -> None:
    one, other = pair_of
    laptop = logged_in(javascript(site.servers[1]), alice)
    laptop.emit("presence-update", "dnd")
    other.expect("presence", str(alice.pk), "dnd")
    one.disconnect()
    laptop.pass_marker()
    other.hears_nothing("presence")
    laptop.disconnect()
    other.expect("presence", str(alice.pk), "offline")
    logged_in(javascript(site.servers[0]), alice)
    other.expect("presence", str(alice.pk), "dnd")


def test_groups_hear_it_as_user_online(
    site: Site, javascript: Connect, pair_of: list[JavaScriptClient], alice: User, carol: User
) -> None:
    groups = javascript(site.servers[1], carol)
    groups.expect("connected")
    pair_of[0].emit("presence-update", "offline")
    groups.expect("userOnline", userId=str(alice.pk), isOnline=False)
    pair_of[0].emit("presence-update", "busy")
    groups.expect("userOnline", userId=str(alice.pk), isOnline=True)


def test_presence_reaches_those_who_joined_no_room(
    site: Site, javascript: Connect, pair_of: list[JavaScriptClient], alice: User, carol: User
) -> None:
    outside = logged_in(javascript(site.servers[1]), carol)
    pair_of[0].emit("presence-update", "away")
    outside.expect("presence", str(alice.pk), "away")


# -- blocks and privacy, on every process ---------------------------------------------------------------


def test_a_block_made_on_one_process_holds_on_the_other(
    site: Site, javascript: Connect, pair_of: list[JavaScriptClient], group: Conversation, alice: User, bob: User
) -> None:
    one, other = pair_of
    site.servers[0].rest(bob, "POST", "blocks/", {"userId": str(alice.pk)})
    one.expect("presence", str(bob.pk), "offline")
    other.expect("presence", str(alice.pk), "offline")
    for client, user in ((one, alice), (other, bob)):
        client.emit("typing-start", str(group.pk))
        client.emit("presence-update", "busy")
        assert client.call("get-online-users", str(group.pk))["users"] == [str(user.pk)]
    for client in pair_of:
        client.hears_nothing("presence", "typing", "typing-stop", "error")
    site.servers[1].rest(bob, "DELETE", f"blocks/{alice.pk}/")
    one.expect("presence", str(bob.pk), "busy")
    other.expect("presence", str(alice.pk), "busy")


def test_privacy_set_on_one_process_holds_on_the_other(
    site: Site, javascript: Connect, pair_of: list[JavaScriptClient], group: Conversation, alice: User, bob: User
) -> None:
    one, other = pair_of
    site.servers[1].rest(alice, "PATCH", "me/privacy/", {"presence": "nobody"})
    other.expect("presence", str(alice.pk), "offline")
    one.emit("presence-update", "busy")
    assert other.call("get-online-users", str(group.pk))["users"] == [str(bob.pk)]
    other.hears_nothing("presence")
    site.servers[1].rest(alice, "PATCH", "me/privacy/", {"presence": "contacts"})
    other.expect("presence", str(alice.pk), "busy")


# -- what ends, and what a killed process leaves ----------------------------------------------------------


def test_a_status_ends_on_time_though_its_process_was_killed(
    site: Site, join: Join, quick: ServerProcess, group: Conversation, alice: User, bob: User
) -> None:
    listener, elsewhere = join(site.servers[0], bob), join(site.servers[1], alice)
    client = quick.connect(alice)
    until = iso(datetime.now(UTC) + timedelta(seconds=2))
    client.call("presence.set", {"status": "busy", "text": "tea", "expiresAt": until})
    listener.expect("presence.changed", userId=str(alice.pk), status="busy", text="tea")
    quick.kill()
    listener.expect("presence.changed", userId=str(alice.pk), status="online", text="")
    elsewhere.call("ping")
    listener.hears_nothing("presence.changed")


def test_the_people_of_a_killed_process_go_once_and_keep_their_status(
    site: Site,
    join: Join,
    quick: ServerProcess,
    group: Conversation,
    alice: User,
    bob: User,
    redis: "redis_client.Redis",
) -> None:
    listener = join(site.servers[0], bob)
    client = quick.connect(alice)
    listener.expect("presence.changed", userId=str(alice.pk), status="online")
    client.call("presence.set", {"status": "busy", "text": "tea"})
    listener.expect("presence.changed", userId=str(alice.pk), status="busy")
    assert json.loads(str(redis.get(f"presence:{alice.pk}")))["status"] == "busy"
    quick.kill()
    gone = listener.expect("presence.changed", userId=str(alice.pk), status="offline")
    assert (gone["text"], gone["lastSeenAt"] is not None) == ("tea", True)
    reply = listener.call("presence.get", {"conversationId": str(group.pk)})
    assert {member["userId"]: member["status"] for member in reply["members"]}[str(alice.pk)] == "offline"
    described = json.loads(str(redis.get(f"presence:{alice.pk}")))
    assert (described["status"], described["socketIds"]) == ("offline", [])
    listener.hears_nothing("presence.changed")
    join(site.servers[1], alice)
    listener.expect("presence.changed", userId=str(alice.pk), status="busy")


# -- what other services read and hear ---------------------------------------------------------------------


def test_who_is_in_a_conversation_is_in_redis(
    site: Site, pair_of: list[JavaScriptClient], group: Conversation, alice: User, bob: User, redis: Any
) -> None:
    def soon(key: str, expected: set[str]) -> None:
        for _ in range(2000):
            if redis.smembers(key) == expected:
                return
            pair_of[1].pass_marker()
        raise AssertionError(redis.smembers(key))

    soon(f"room:{group.pk}:users", {str(alice.pk), str(bob.pk)})
    soon(f"user:{alice.pk}:rooms", {str(group.pk)})
    described = json.loads(redis.get(f"presence:{alice.pk}"))
    assert described.keys() == {"userId", "status", "lastSeenAt", "socketIds"}
    assert (described["userId"], described["status"], len(described["socketIds"])) == (str(alice.pk), "online", 1)
    pair_of[0].emit("typing-start", str(group.pk))
    pair_of[1].expect("typing")
    typing = json.loads(redis.get(f"typing:{group.pk}:{alice.pk}"))
    assert typing.keys() == {"userId", "conversationId", "isTyping", "lastTypingAt"}
    pair_of[0].call("leave-room", str(group.pk))
    soon(f"room:{group.pk}:users", {str(bob.pk)})
    soon(f"user:{alice.pk}:rooms", set())


def test_the_bridge_tells_other_services_what_clients_are_told(
    site: Site, join: Join, group: Conversation, alice: User, bob: User, redis: Any
) -> None:
    channels = ["message:new", "presence:update", "typing:start", "typing:stop"]
    server = ServerProcess(REDIS_URL=site.redis, CHAT_BRIDGE="true", **QUICK).start()
    try:
        with redis.pubsub() as listening, server.connect(alice) as client, server.connect(bob) as other:
            other.call("ping")
            listening.subscribe(*channels)
            for _ in channels:
                assert listening.get_message(timeout=10)
            client.call("typing.start", {"conversationId": str(group.pk)})
            client.call("message.send", {"conversationId": str(group.pk), "text": "hello"})
            client.call("presence.set", {"status": "busy"})
            expected = {
                "typing:start": other.expect("typing.started"),
                "message:new": other.expect("message.new"),
                "typing:stop": other.expect("typing.stopped"),
                "presence:update": other.expect("presence.changed", status="busy"),
            }
            heard: dict[str, Any] = {}
            while heard.keys() != expected.keys() or heard["presence:update"]["status"] != "busy":
                message = listening.get_message(timeout=10, ignore_subscribe_messages=True)
                assert message is not None, heard
                heard[message["channel"]] = json.loads(message["data"])
            assert heard == expected
            services.send_message(sender_id=alice.pk, conversation_id=group.pk, text="by a process without the setting")
            other.expect("message.new", text="by a process without the setting")
            client.call("message.send", {"conversationId": str(group.pk), "text": "last"})
            message = listening.get_message(timeout=10, ignore_subscribe_messages=True)
            assert json.loads(message["data"])["text"] == "last"
    finally:
        server.stop()
