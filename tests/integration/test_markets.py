"""The markets family, as its official clients live it: rooms with acknowledgements, envelopes, addresses."""

from typing import Any

import pytest

from accounts.models import User
from tests.integration.conftest import Site, pair
from tests.integration.families import Connect, logged_in
from tests.integration.javascript import JavaScriptClient

pytestmark = pair
WALLET = "0x" + "ab12" * 10


@pytest.fixture
def rich(alice: User) -> User:
    """Alice with a wallet."""
    alice.wallet_address = WALLET
    alice.save(update_fields=["wallet_address"])
    return alice


def asked(client: JavaScriptClient, name: str, **room: Any) -> Any:
    """The acknowledgement of `subscribe` or `unsubscribe`, whose `message` is some text."""
    answer = client.call(name, room)
    assert answer.pop("message" if answer["success"] else "error")
    return answer


def test_a_wallet_names_its_owners_room(site: Site, javascript: Connect, rich: User) -> None:
    client = javascript(site.servers[0], rich)
    greeting = client.expect("connected")
    assert greeting["userId"] == str(rich.pk)
    assert greeting["rooms"] == [f"user:{WALLET}", "global:all"]
    assert sorted(client.call("getRooms")) == ["global:all", f"user:{WALLET}"]
    joined = {"success": True, "room": f"user:{WALLET}"}
    for key in (WALLET, WALLET.upper().replace("X", "x"), str(rich.pk)):
        assert asked(client, "subscribe", room="user", id=key) == joined
    assert asked(client, "subscribe", room="user") == joined
    assert asked(client, "unsubscribe", room="user", id=WALLET) == joined
    assert client.call("getRooms") == ["global:all"]


def test_rooms_are_joined_and_left_with_an_acknowledgement_or_without(
    site: Site, javascript: Connect, bob: User
) -> None:
    client = logged_in(javascript(site.servers[0]), bob)
    assert asked(client, "unsubscribe", room="global") == {"success": True, "room": "global:all"}
    assert client.call("getRooms") == [f"user:{bob.pk}"]
    client.emit("subscribe", {"room": "global", "id": "ignored"})
    assert sorted(client.call("getRooms")) == ["global:all", f"user:{bob.pk}"]
    client.emit("unsubscribe", {"room": "user", "id": str(bob.pk)})
    assert client.call("getRooms") == ["global:all"]
    for _ in range(2):
        assert asked(client, "subscribe", room="user", id=str(bob.pk)) == {"success": True, "room": f"user:{bob.pk}"}
    assert sorted(client.call("getRooms")) == ["global:all", f"user:{bob.pk}"]
    client.hears_nothing()


@pytest.mark.parametrize(
    ("room", "code"),
    [
        ({"room": "user", "id": "somebody else"}, "FORBIDDEN"),
        ({"room": "user", "id": "0x" + "0" * 40}, "FORBIDDEN"),
        ({"room": "conversation", "id": "1"}, "INVALID_PAYLOAD"),
        ({"room": "system", "id": "all"}, "INVALID_PAYLOAD"),
        ({"room": "market"}, "INVALID_PAYLOAD"),
        ({"room": "market", "id": 7}, "INVALID_PAYLOAD"),
        ({"room": ["market"]}, "INVALID_PAYLOAD"),
        ({}, "INVALID_PAYLOAD"),
        (None, "INVALID_PAYLOAD"),
        ("market", "INVALID_PAYLOAD"),
    ],
)
@pytest.mark.parametrize("name", ["subscribe", "unsubscribe"])
def test_a_room_that_is_not_for_everybody_is_refused(
    site: Site, javascript: Connect, rich: User, bob: User, room: Any, code: str, name: str
) -> None:
    client = javascript(site.servers[0], bob)
    client.expect("connected")
    answer = client.call(name, room)
    assert answer.keys() <= {"success", "error", "code", "details"}
    assert (answer["success"], answer["code"]) == (False, code)
    client.emit(name, room)
    assert client.expect("error")["code"] == code
    assert sorted(client.call("getRooms")) == ["global:all", f"user:{bob.pk}"]


def test_conversations_are_no_rooms_of_this_family(site: Site, javascript: Connect, group: Any, bob: User) -> None:
    client = javascript(site.servers[0], bob)
    client.call("joinGroup", {"groupId": str(group.pk)})
    assert sorted(client.call("getRooms")) == ["global:all", f"user:{bob.pk}"]
