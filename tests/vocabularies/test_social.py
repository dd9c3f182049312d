"""social: the tables as pure functions."""

import pytest
from pytest_django import Settings

from tests.vocabularies.people import ALICE, AT, session_of
from vocabularies.social import ASKS, SOCIAL, greeting, rooms


@pytest.mark.parametrize(
    ("name", "sent", "command", "payload"),
    [
        ("users.getOnlineCount", [], "users.onlineCount", {}),
        ("users.getOnlineCount", [{"any": 1}], "users.onlineCount", {}),
        ("users.checkOnline", [{"userIds": ["a"], "more": 1}], "users.checkOnline", {"userIds": ["a"]}),
        ("users.checkOnline", [], "users.checkOnline", {}),
        ("ping", [], "ping", {}),
    ],
)
def test_what_is_asked_is_understood(name: str, sent: list[object], command: str, payload: object) -> None:
    assert ASKS[name].command == command
    assert ASKS[name].payload(ALICE, sent) == payload


@pytest.mark.parametrize(
    ("name", "reply", "data"),
    [
        ("users.getOnlineCount", "users.onlineCount", {"count": 3}),
        ("users.checkOnline", "users.onlineStatus", {"statuses": {"a": True}}),
        ("ping", "pong", {"timestamp": "now"}),
    ],
)
def test_replies_are_events_and_acknowledgements(name: str, reply: str, data: object) -> None:
    tell = ASKS[name].reply
    assert tell is not None
    assert (tell.name, list(tell.arguments(data, AT))) == (reply, [data])
    assert ASKS[name].ack(ALICE, data) == data
    assert ASKS[name].is_either is (name == "ping")


def test_the_greeting_says_who_it_is() -> None:
    name, arguments = greeting(session_of(ALICE))
    assert (name, list(arguments)) == ("connected", [{"userId": "0190a"}])


def test_ones_own_room_is_joined() -> None:
    assert "user:0190a" in rooms(ALICE)


def test_the_rate_is_a_setting(settings: Settings) -> None:
    settings.SOCIAL_RATE = "7/minute"
    assert SOCIAL.rate is not None
    assert SOCIAL.rate() == "7/minute"
