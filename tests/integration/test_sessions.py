"""Tokens, revocation and isolation on live connections."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from accounts import services
from accounts.models import User
from accounts.tokens import AccessToken, access_token
from chat.models import Conversation
from realtime.expiry import AuthExpiring
from realtime.testing import CallError, Client
from tests.conftest import PASSWORD
from tests.integration.conftest import Site, pair

Join = Callable[..., Client]


def token_for(user: User, seconds: float) -> str:
    token = AccessToken.for_user(user)
    token.set_exp(lifetime=timedelta(seconds=seconds))
    return str(token)


def test_a_token_that_expires_on_the_live_connection_ends_it(site: Site, join: Join, alice: User) -> None:
    client = join(site.servers[0], alice, token=token_for(alice, 2))
    client.expect(AuthExpiring)
    assert client.expect("error")["code"] == "TOKEN_EXPIRED"
    assert client.closed() == 4401


def test_a_new_token_on_the_live_connection_keeps_it(site: Site, join: Join, alice: User) -> None:
    client = join(site.servers[0], alice, token=token_for(alice, 2))
    client.expect(AuthExpiring)
    renewed = client.call("auth", {"token": token_for(alice, 3)})
    # The second warning is that of the new token, so the first one's end has passed over.
    assert client.expect(AuthExpiring).expires_at == renewed["expiresAt"]
    assert client.expect("error")["code"] == "TOKEN_EXPIRED"
    assert client.closed() == 4401


def test_nobody_goes_on_with_somebody_elses_token(site: Site, join: Join, alice: User, bob: User) -> None:
    client = join(site.servers[0], alice)
    for token in (access_token(bob), "nonsense"):
        with pytest.raises(CallError) as refused:
            client.call("auth", {"token": token})
        assert refused.value.code == "AUTH_FAILED"
    assert client.call("ping")["timestamp"]


def refusal(client: Client, token: str) -> dict[str, Any]:
    """The error with which `auth` is answered; empty if it is not."""
    try:
        client.call("auth", {"token": token})
    except CallError as error:
        return error.error
    return {}


@pair
def test_a_user_cannot_have_tokens_checked_without_end(site: Site, join: Join, alice: User, bob: User) -> None:
    """Neither good ones nor bad ones, over all connections and processes."""
    clients = [join(server, alice) for server in (site.servers[0], site.servers[0], site.servers[1])]
    tokens = [access_token(alice), "nonsense"]
    codes = [refusal(clients[number % 3], tokens[number % 2]).get("code") for number in range(60)]
    assert codes == [None, "AUTH_FAILED"] * 30
    for client in clients:
        error = refusal(client, access_token(alice))
        assert error["code"] == "RATE_LIMITED"
        assert 1 <= error["retryAfter"] <= 60
        assert client.call("ping")["timestamp"]
    assert refusal(join(site.servers[0], bob), access_token(bob)) == {}


def log_out_by_rest(site: Site, user: User) -> None:
    site.servers[0].rest(user, "POST", "auth/logout-all")


def log_out_by_service(site: Site, user: User) -> None:
    services.log_out_everywhere(user_id=user.pk)


def change_password(site: Site, user: User) -> None:
    services.change_password(user_id=user.pk, old_password=PASSWORD, new_password="another-Secret-43")


def set_password(site: Site, user: User) -> None:
    """As the admin and `manage.py changepassword` do."""
    user.set_password("another-Secret-43")
    user.save()


def deactivate(site: Site, user: User) -> None:
    user.is_active = False
    user.save(update_fields=["is_active"])


@pytest.mark.parametrize("end", [log_out_by_rest, log_out_by_service, change_password, set_password, deactivate])
def test_every_connection_of_a_user_ends_on_every_process(
    site: Site, join: Join, alice: User, bob: User, end: Callable[[Site, User], None]
) -> None:
    token = access_token(alice)
    devices = [join(server, alice, token=token) for server in site.servers for _ in range(2)]
    other = join(site.servers[0], bob)

    end(site, alice)

    for device in devices:
        assert device.expect("error")["code"] == "AUTH_FAILED"
        assert device.closed() == 4401
    with Client(site.servers[0].url, token=token) as late:
        assert late.closed() == 4401
    assert other.call("ping")["timestamp"]


def test_a_new_log_in_survives_the_log_out_before_it(site: Site, join: Join, alice: User) -> None:
    services.log_out_everywhere(user_id=alice.pk)
    alice.refresh_from_db()
    client = join(site.servers[-1], alice)
    assert client.call("ping")["timestamp"]


def next_reply(client: Client) -> dict[str, Any]:
    while (frame := client.receive())["event"] != "reply":
        pass
    return frame


@pair
def test_a_slow_query_of_one_delays_nobody_else(
    site: Site, join: Join, group: Conversation, alice: User, bob: User, carol: User
) -> None:
    """The handler hangs in PostgreSQL until this test lets go of the lock."""
    server = site.servers[0]
    slow, speaker, listener = join(server, alice), join(server, bob), join(server, carol)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(4711)")
        slow.send("lab.slow", {"number": 4711}, id="slow")
        slow.send("ping", id="after it")

        speaker.call("message.send", {"conversationId": str(group.pk), "text": "meanwhile"})
        assert listener.expect("message.new")["text"] == "meanwhile"
        assert slow.expect("message.new")["text"] == "meanwhile"
        assert server.status("/readyz") == 200
        assert not [frame for frame in slow.inbox if frame["event"] == "reply"]

        cursor.execute("SELECT pg_advisory_unlock(4711)")
    assert [next_reply(slow)["id"], next_reply(slow)["id"]] == ["slow", "after it"]


@pair
def test_rates_are_counted_over_all_processes(site: Site, join: Join, alice: User) -> None:
    clients = [join(server, alice) for server in site.servers]
    answers = [clients[number % 2].call("lab.echo", {"number": number}) for number in range(3)]
    assert [answer["number"] for answer in answers] == [0, 1, 2]
    for client in clients:
        with pytest.raises(CallError) as refused:
            client.call("lab.echo", {"number": 4})
        assert refused.value.code == "RATE_LIMITED"
        assert 1 <= refused.value.error["retryAfter"] <= 60


@pair
def test_sending_is_counted_together_with_rest(site: Site, join: Join, group: Conversation, alice: User) -> None:
    client = join(site.servers[0], alice)
    for number in range(15):
        client.call("message.send", {"conversationId": str(group.pk), "text": str(number)})
        site.servers[1].rest(alice, "POST", f"conversations/{group.pk}/messages/", {"text": str(number)})
    with pytest.raises(CallError) as refused:
        client.call("message.send", {"conversationId": str(group.pk), "text": "one too many"})
    assert refused.value.code == "RATE_LIMITED"
    assert refused.value.message == "Rate limit exceeded"


@pair
def test_people_are_online_until_their_last_device_on_any_process_has_gone(
    site: Site, join: Join, group: Conversation, alice: User, bob: User
) -> None:
    watcher = join(site.servers[0], bob)
    first, second = join(site.servers[0], alice), join(site.servers[1], alice)
    assert watcher.expect("presence.changed", userId=str(alice.pk))["status"] == "online"
    first.close()
    second.call("message.send", {"conversationId": str(group.pk), "text": "still here"})
    watcher.expect("message.new", text="still here")
    assert watcher.call("users.checkOnline", {"userIds": [str(alice.pk)]})["statuses"] == {str(alice.pk): True}
    second.close()
    assert watcher.expect("presence.changed", userId=str(alice.pk))["status"] == "offline"
    assert not [frame for frame in watcher.inbox if frame["event"] == "presence.changed"]
    alice.refresh_from_db()
    assert not alice.is_online
    assert alice.last_seen_at is not None


def test_a_connection_that_is_cut_is_noticed(
    site: Site, join: Join, group: Conversation, alice: User, bob: User
) -> None:
    watcher, lost = join(site.servers[0], bob), join(site.servers[-1], alice)
    watcher.expect("presence.changed", userId=str(alice.pk), status="online")
    threading.Thread(target=lost.socket.socket.close).run()
    watcher.expect("presence.changed", userId=str(alice.pk), status="offline")
