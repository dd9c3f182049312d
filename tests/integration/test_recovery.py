"""Official clients come back: what they have missed, what they must not hear, and when there is no recovery."""

from collections.abc import Callable

import pytest

from accounts.models import User
from accounts.services import block_user, log_out_everywhere
from accounts.tokens import access_token
from chat import services
from chat.models import Conversation
from tests.integration.clients import PythonClient
from tests.integration.conftest import Site, pair
from tests.integration.javascript import TRANSPORTS
from tests.integration.proxy import Proxy
from tests.integration.recovering import Connect, Say, back, settled, texts
from tests.integration.servers import ServerProcess

Between = Callable[[ServerProcess], Proxy]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_what_was_missed_comes_in_order_before_the_greeting(
    site: Site, javascript: Connect, proxy: Between, say: Say, bob: User, transport: str
) -> None:
    between = proxy(site.servers[0])
    client = settled(javascript(between, bob, **TRANSPORTS[transport]))
    say("seen")
    client.expect("newMessage")
    before = client.state
    witness = settled(javascript(site.servers[0], bob))
    with between.away():
        client.happens("disconnect")
        for text in ("one", "two", "three"):
            say(text)
            witness.expect("newMessage", text=text)
    heard = back(client, recovered=True)
    assert texts(heard) == ["one", "two", "three"]
    greeting = heard[-1].payload
    assert greeting["userId"] == str(bob.pk)
    assert greeting["rooms"] == [f"user:{bob.pk}", "global:all"]
    after = client.state
    assert (after["sid"], after["pid"]) == (before["sid"], before["pid"])
    say("live")
    client.expect("newMessage", text="live")
    client.hears_nothing("newMessage")


@pair
def test_another_process_has_no_part_of_it_and_says_so(
    site: Site, javascript: Connect, proxy: Between, say: Say, bob: User
) -> None:
    first, second = site.servers
    between, witness = proxy(first), settled(javascript(second, bob))
    client = settled(javascript(between, bob))
    before = client.state
    with between.away():
        between.target = second.port
        say("missed")
        witness.expect("newMessage")
    heard = back(client, recovered=False)
    assert texts(heard) == []
    assert client.state["pid"] != before["pid"]
    say("live")
    assert client.expect("newMessage")["text"] == "live"
    client.hears_nothing("newMessage")


def test_of_a_room_that_was_left_meanwhile_nothing_comes_that_was_said_without_oneself(
    site: Site, javascript: Connect, proxy: Between, say: Say, group: Conversation, alice: User, bob: User, carol: User
) -> None:
    between = proxy(site.servers[0])
    client = settled(javascript(between, bob))
    witness = settled(javascript(site.servers[0], carol))
    with between.away():
        say("before")
        services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=bob.pk)
        say("hidden")
        services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=bob.pk)
        say("again")
        services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=bob.pk)
        say("gone")
        witness.expect("newMessage", text="gone")
    assert texts(back(client, recovered=True)) == ["before", "again"]
    say("later")
    client.hears_nothing("newMessage")


def test_of_a_room_that_one_was_let_into_meanwhile_all_comes_that_was_said_since(
    site: Site,
    javascript: Connect,
    proxy: Between,
    person: Callable[..., User],
    say: Say,
    group: Conversation,
    alice: User,
    carol: User,
) -> None:
    between, dora = proxy(site.servers[0]), person("dora")
    client = settled(javascript(between, dora))
    witness = settled(javascript(site.servers[0], carol))
    with between.away():
        say("outside")
        services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=dora.pk)
        say("inside")
        witness.expect("newMessage", text="inside")
    assert texts(back(client, recovered=True)) == ["inside"]
    say("live")
    assert client.expect("newMessage")["text"] == "live"


def test_what_somebody_said_who_was_blocked_is_not_made_up_for(
    site: Site, javascript: Connect, proxy: Between, say: Say, alice: User, bob: User, carol: User
) -> None:
    between = proxy(site.servers[0])
    client, witness = settled(javascript(between, bob)), settled(javascript(site.servers[0], carol))
    with between.away():
        say("before the block")
        block_user(blocker_id=bob.pk, blocked_id=alice.pk)
        say("blocked")
        say("of another", by=carol)
        witness.expect("newMessage", text="of another")
    assert texts(back(client, recovered=False)) == []
    with between.away():
        say("blocked")
        say("of another again", by=carol)
        witness.expect("newMessage", text="of another again")
    assert texts(back(client, recovered=True)) == ["of another again"]


def test_who_was_logged_out_meanwhile_does_not_come_back(
    site: Site, javascript: Connect, proxy: Between, say: Say, bob: User, carol: User
) -> None:
    between = proxy(site.servers[0])
    client, witness = settled(javascript(between, bob)), settled(javascript(site.servers[0], carol))
    with between.away():
        log_out_everywhere(user_id=bob.pk)
        say("hidden")
        witness.expect("newMessage")
    refused = client.happens("connect_error")
    while refused["message"] != "Authentication failed":  # before, nobody answered
        refused = client.happens("connect_error")
    assert refused["data"]["code"] == "AUTH_FAILED"
    bob.refresh_from_db()
    client.do("auth", auth={"token": access_token(bob)})
    client.do("reconnect")
    assert texts(back(client, recovered=False)) == []


def test_nobody_goes_on_with_somebody_elses_session(
    site: Site, javascript: Connect, say: Say, bob: User, carol: User
) -> None:
    victim = settled(javascript(site.servers[0], bob))
    pid = victim.state["pid"]
    say("heard by both")
    offset = next(one for one in iter(victim.receive, None) if one.name == "newMessage").facts["offset"]
    say("also")
    victim.expect("newMessage")
    stolen = {"token": access_token(carol), "pid": pid, "offset": offset}
    thief = javascript(site.servers[0], auth=stolen)
    heard = back(thief, recovered=False)
    assert texts(heard) == []
    assert heard[-1].payload["userId"] == str(carol.pk)
    assert thief.state["pid"] != pid
    assert victim.call("ping")["timestamp"]


def test_who_leaves_by_itself_begins_anew(site: Site, javascript: Connect, say: Say, bob: User, carol: User) -> None:
    client, witness = settled(javascript(site.servers[0], bob)), settled(javascript(site.servers[0], carol))
    pid = client.state["pid"]
    client.disconnect()
    assert client.happens("disconnect")["reason"] == "io client disconnect"
    say("meanwhile")
    witness.expect("newMessage")
    client.do("reconnect")
    assert texts(back(client, recovered=False)) == []
    assert client.state["pid"] != pid


@pair
def test_a_restarted_server_greets_anew(site: Site, javascript: Connect, say: Say, bob: User, carol: User) -> None:
    server = ServerProcess(REDIS_URL=site.redis).start()
    client, witness = settled(javascript(server, bob)), settled(javascript(site.servers[0], carol))
    server.kill()
    client.happens("disconnect")
    say("missed")
    witness.expect("newMessage")
    server.start()
    assert texts(back(client, recovered=False)) == []
    say("live")
    assert client.expect("newMessage")["text"] == "live"
    client.disconnect()
    server.stop()


def test_clients_of_python_get_no_offset_behind_their_arguments(
    site: Site, python: Callable[..., PythonClient], javascript: Connect, say: Say, bob: User
) -> None:
    server = site.servers[0]
    client = python(server, bob)
    say("one")
    client.expect("newMessage", text="one")
    for greeting in (heard for heard in client.inbox if heard.on == "event"):
        assert len(greeting.arguments) == 1
    assert javascript(server, bob, query={"recovery": "0"}).happens("connect")["pid"] is None
    assert javascript(server, bob).happens("connect")["pid"]


def test_a_client_can_ask_for_offsets_or_decline_them(
    site: Site, python: Callable[..., PythonClient], javascript: Connect, say: Say, bob: User
) -> None:
    server = site.servers[0]
    asking = PythonClient(f"http://127.0.0.1:{server.port}?recovery=1", auth={"token": access_token(bob)})
    declining = javascript(server, bob, query={"recovery": "0"})
    with asking:
        declining.expect("connected")
        say("one")
        message, offset = asking.expect("newMessage")
        assert message["text"] == "one"
        assert isinstance(offset, str)
    assert declining.expect("newMessage", text="one")
    assert not declining.state["pid"]
