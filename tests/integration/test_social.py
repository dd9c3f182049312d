"""The social family, as its official clients live it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from accounts.models import User
from tests.integration.conftest import Site, pair
from tests.integration.families import Connect, logged_in

pytestmark = pair


def test_the_greeting_is_the_user_alone(site: Site, javascript: Connect, alice: User) -> None:
    client = javascript(site.servers[0], alice, namespace="/ws")
    assert client.expect("connected") == {"userId": str(alice.pk)}
    client.hears_nothing()


def test_who_is_online_is_asked_with_an_answer_by_event_and_acknowledgement(
    site: Site, javascript: Connect, person: Callable[..., User], alice: User, bob: User, carol: User
) -> None:
    client = javascript(site.servers[0], alice, namespace="/ws")
    blocked = person("dora")
    site.servers[0].rest(alice, "POST", "blocks/", {"userId": str(blocked.pk)})
    for user in (bob, blocked):
        javascript(site.servers[1], user).expect("connected")
    unknown = [str(carol.pk), str(blocked.pk), str(uuid4()), "nonsense", "", str(bob.pk).upper()]
    expected = {"statuses": {str(bob.pk): True} | dict.fromkeys(unknown, False)}
    asked = {"userIds": [str(bob.pk), *unknown], "more": "is ignored"}
    assert client.call("users.checkOnline", asked) == expected
    assert client.expect("users.onlineStatus") == expected
    client.emit("users.checkOnline", asked)
    assert client.expect("users.onlineStatus") == expected
    client.hears_nothing("users.onlineStatus", "error")


def test_how_many_are_online_counts_people_and_not_devices(
    site: Site, javascript: Connect, alice: User, bob: User
) -> None:
    client = javascript(site.servers[0], alice, namespace="/ws")
    before = client.call("users.getOnlineCount")["count"]
    assert client.expect("users.onlineCount") == {"count": before}
    for server in site.servers:
        javascript(server, bob, namespace="/ws").expect("connected")
        javascript(server, alice).expect("connected")
    client.emit("users.getOnlineCount", {})
    assert client.expect("users.onlineCount")["count"] <= before + 1  # others of earlier tests may just be leaving
    assert client.call("users.checkOnline", {"userIds": [str(bob.pk)]}) == {"statuses": {str(bob.pk): True}}


@pytest.mark.parametrize("payload", [{}, {"userIds": "x"}, {"userIds": [7]}, {"userIds": ["x"] * 501}, [], None])
def test_bad_input_is_an_error(site: Site, javascript: Connect, alice: User, payload: object) -> None:
    client = javascript(site.servers[0], alice, namespace="/ws")
    answer = client.call("users.checkOnline", payload)
    assert (answer["success"], answer["code"]) == (False, "INVALID_PAYLOAD")
    client.emit("users.checkOnline", payload)
    assert client.expect("error")["code"] == "INVALID_PAYLOAD"
    assert client.call("ping")["timestamp"]


def test_the_names_of_other_families_are_unknown_here(site: Site, javascript: Connect, alice: User) -> None:
    client = javascript(site.servers[0], alice, namespace="/ws")
    for name in ("sendMessage", "join-room", "subscribe", "message.send", "rooms.subscribe", "lab.echo"):
        assert client.call(name, {})["code"] == "UNKNOWN_EVENT"


def test_a_hundred_events_a_minute_over_all_devices_and_processes(
    site: Site, javascript: Connect, alice: User, bob: User
) -> None:
    devices = [javascript(server, alice, namespace="/ws") for server in site.servers]
    other, elsewhere = javascript(site.servers[0], bob, namespace="/ws"), javascript(site.servers[0], alice)

    def ping(number: int) -> bool:
        return "timestamp" in devices[number % 2].call("ping")

    with ThreadPoolExecutor(1) as threads:
        assert all(threads.map(ping, range(100)))
    for device in devices:
        refusal = device.call("ping")
        assert 1 <= refusal.pop("retryAfter") <= 60
        assert refusal == {"success": False, "error": "Rate limit exceeded", "code": "RATE_LIMITED"}
        device.emit("users.getOnlineCount")
        error = device.expect("error")
        assert 1 <= error.pop("retryAfter") <= 60
        assert error == {"message": "Rate limit exceeded", "code": "RATE_LIMITED"}
    assert other.call("ping")["timestamp"]
    assert elsewhere.call("ping")["timestamp"]
    assert logged_in(elsewhere, alice).call("ping")["timestamp"]
