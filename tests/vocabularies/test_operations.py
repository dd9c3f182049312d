"""operations: the tables as pure functions."""

from typing import Any

import pytest

from realtime.vocabulary import doors
from tests.vocabularies.people import ALICE, AT, STRANGER, session_of
from vocabularies.operations import ASKS, OPERATIONS, greeting, rooms


@pytest.mark.parametrize(("user", "is_known"), [(ALICE, True), (STRANGER, False)])
def test_the_greeting_says_whether_one_is_known(user: Any, is_known: bool) -> None:
    name, (words,) = greeting(session_of(user))
    assert name == "connection:success"
    assert words.pop("timestamp").endswith("Z")
    assert words == {"authenticated": is_known, "clientId": "connection-1"}


def test_ones_own_room_is_joined_by_who_is_somebody() -> None:
    assert "user:0190a" in rooms(ALICE)
    assert not any(room.startswith("user:") for room in rooms(STRANGER))


def test_a_ping_is_answered() -> None:
    reply = ASKS["ping"].reply
    assert reply is not None
    assert (reply.name, list(reply.arguments({"timestamp": "t"}, AT))) == ("pong", [{"timestamp": "t"}])
    assert ASKS["ping"].is_either


def test_the_door_takes_a_token_from_everywhere_and_none_at_all() -> None:
    door = doors["/realtime"]
    assert door.profile is OPERATIONS
    assert door.anonymous is OPERATIONS
    assert door.sources == {"header", "bare header", "query"}
    assert door.refusal == "Invalid authentication token"
    assert door.connections is not None
    assert door.connections() == "10/minute"
