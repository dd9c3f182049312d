"""Recovery has a window, a number of events, and a secret that is not enough for ever."""

import time
from collections.abc import Callable

import pytest

from accounts.models import User
from accounts.services import log_out_everywhere
from accounts.tokens import access_token
from chat.models import Conversation
from tests.integration.conftest import HASTY, pair
from tests.integration.javascript import JavaScriptClient
from tests.integration.proxy import Proxy
from tests.integration.recovering import Connect, Say, back, settled, texts
from tests.integration.servers import ServerProcess

pytestmark = pair
Between = Callable[[ServerProcess], Proxy]


@pytest.mark.parametrize("number", [5, 6])
def test_so_many_events_of_a_room_are_kept_and_no_more(
    hasty: ServerProcess, javascript: Connect, proxy: Between, say: Say, bob: User, carol: User, number: int
) -> None:
    between = proxy(hasty)
    client, witness = settled(javascript(between, bob)), settled(javascript(hasty, carol))
    missed = [str(count) for count in range(number)]
    with between.away():
        for text in missed:
            say(text)
            witness.expect("newMessage", text=text)
    is_whole = number <= int(HASTY["REALTIME_RECOVERY_EVENTS"])
    assert texts(back(client, recovered=is_whole)) == (missed if is_whole else [])
    say("live")
    assert client.expect("newMessage")["text"] == "live"


def test_after_the_window_a_session_is_forgotten(
    hasty: ServerProcess, javascript: Connect, proxy: Between, say: Say, bob: User
) -> None:
    between = proxy(hasty)
    client = settled(javascript(between, bob))
    with between.away():
        client.happens("disconnect")
        over = time.monotonic() + float(HASTY["REALTIME_RECOVERY_WINDOW"]) + 0.5
        while time.monotonic() < over:
            assert hasty.status("/healthz") == 200
    assert texts(back(client, recovered=False)) == []
    say("live")
    assert client.expect("newMessage")["text"] == "live"


@pytest.fixture
def messenger(javascript: Connect, group: Conversation) -> Callable[..., JavaScriptClient]:
    """`messenger(server, user)`: logged in by an event, in the group's room."""

    def connect(server: ServerProcess | Proxy, user: User) -> JavaScriptClient:
        client = javascript(server)
        client.happens("connect")
        client.emit("auth", access_token(user))
        client.expect("auth-success", userId=str(user.pk))
        client.emit("join-room", str(group.pk))
        client.expect("room-joined")
        client.pass_marker()
        client.inbox.clear()
        return client

    return connect


def test_the_secret_alone_brings_a_messenger_back_if_auth_follows(
    hasty: ServerProcess, messenger: Connect, proxy: Between, say: Say, group: Conversation, alice: User, bob: User
) -> None:
    between = proxy(hasty)
    client, witness = messenger(between, bob), messenger(hasty, alice)
    with between.away():
        say("missed")
        witness.expect("message-new")
    assert client.happens("connect")["recovered"] is True
    assert client.expect("message-new")["text"] == "missed"
    client.emit("auth", access_token(bob))
    assert client.expect("auth-success") == {"userId": str(bob.pk)}
    client.emit("auth", access_token(bob))
    assert client.expect("auth-success") == {"userId": str(bob.pk)}
    say("live")
    assert client.expect("message-new")["text"] == "live"
    over = time.monotonic() + float(HASTY["REALTIME_AUTH_TIMEOUT"]) + 0.2
    while time.monotonic() < over:
        assert client.call("ping")["timestamp"]
    client.hears_nothing("error", "message-new")


def test_a_messenger_that_came_back_by_its_secret_has_to_log_in_in_time(
    hasty: ServerProcess, messenger: Connect, proxy: Between, bob: User
) -> None:
    between = proxy(hasty)
    client = messenger(between, bob)
    with between.away():
        client.happens("disconnect")
    assert client.happens("connect")["recovered"] is True
    assert client.expect("error")["code"] == "AUTH_TIMEOUT"
    assert client.happens("disconnect")["reason"] == "io server disconnect"


def test_a_messenger_that_came_back_by_its_secret_is_who_it_was(
    hasty: ServerProcess, messenger: Connect, proxy: Between, bob: User, carol: User
) -> None:
    between = proxy(hasty)
    client = messenger(between, bob)
    with between.away():
        client.happens("disconnect")
    assert client.happens("connect")["recovered"] is True
    client.emit("auth", access_token(carol))
    assert client.expect("error")["code"] == "AUTH_FAILED"
    assert client.happens("disconnect")["reason"] == "io server disconnect"


def test_the_secret_is_worth_nothing_once_its_user_was_logged_out(
    hasty: ServerProcess, messenger: Connect, proxy: Between, say: Say, alice: User, bob: User
) -> None:
    between = proxy(hasty)
    client, witness = messenger(between, bob), messenger(hasty, alice)
    with between.away():
        client.happens("disconnect")
        log_out_everywhere(user_id=bob.pk)
        say("hidden")
        witness.expect("message-new")
    assert client.happens("connect")["recovered"] is False
    assert client.call("ping")["code"] == "NOT_AUTHENTICATED"
    assert client.expect("error")["code"] == "AUTH_TIMEOUT"
    assert client.happens("disconnect")["reason"] == "io server disconnect"
    assert not [heard for heard in client.inbox if heard.name == "message-new"]
