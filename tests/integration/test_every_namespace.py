"""What is the same in all families: ping, announcements, expiry, log-out; and several namespaces of one client."""

import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from accounts import services
from accounts.models import User
from accounts.tokens import access_token
from chat.models import Conversation
from chat.rooms import ConversationRoom
from notifications.events import SystemAnnouncement
from notifications.services import announce
from realtime.publishing import Push, publish
from realtime.rooms import GlobalRoom, SystemRoom, UserRoom
from realtime.testing import Client
from tests.integration.clients import ANNOUNCEMENT
from tests.integration.conftest import Site, pair
from tests.integration.families import TIME, Connect, from_elsewhere, logged_in, sent_away, token_for
from tests.integration.javascript import TRANSPORTS, JavaScriptClient
from tests.integration.proxy import Proxy
from tests.integration.servers import ServerProcess

pytestmark = pair
FAMILIES = ["groups", "messenger", "social", "operations"]
NAMESPACES = {"groups": "/", "messenger": "/", "social": "/ws", "operations": "/realtime"}
each_family = pytest.mark.parametrize("family", FAMILIES)


@pytest.fixture
def arrive(javascript: Connect) -> Callable[..., JavaScriptClient]:
    """`arrive(server, family, user)`: a client of that family that is in; of operations, from an address of its own."""

    def connect(server: ServerProcess, family: str, user: User, token: str | None = None) -> JavaScriptClient:
        token = token or access_token(user)
        namespace = NAMESPACES[family]
        if family == "messenger":
            client = javascript(server)
            client.emit("auth", token)
            client.expect("auth-success", userId=str(user.pk))
            return client
        client = javascript(server, namespace=namespace, auth={"token": token}, **from_elsewhere())
        client.expect("connection:success" if family == "operations" else "connected")
        return client

    return connect


Arrive = Callable[..., JavaScriptClient]


@each_family
def test_ping_is_answered_by_an_acknowledgement_or_by_pong(
    hasty: ServerProcess, arrive: Arrive, alice: User, family: str
) -> None:
    client = arrive(hasty, family, alice)
    answer = client.call("ping")
    assert answer.keys() == {"timestamp"}
    assert re.fullmatch(TIME, answer["timestamp"])
    client.hears_nothing("pong")
    client.emit("ping")
    assert client.expect("pong").keys() == {"timestamp"}
    client.hears_nothing("pong")


def test_anonymous_operations_may_ping_and_no_more(hasty: ServerProcess, javascript: Connect) -> None:
    client = javascript(hasty, namespace="/realtime", **from_elsewhere())
    client.expect("connection:success", authenticated=False)
    assert client.call("ping")["timestamp"]
    client.emit("ping")
    assert client.expect("pong")["timestamp"]
    assert client.call("sendMessage", {})["code"] == "UNKNOWN_EVENT"
    client.emit("auth", "nonsense")
    assert client.expect("error")["code"] == "AUTH_FAILED"
    assert client.call("ping")["timestamp"]


def test_an_announcement_reaches_every_client_of_every_namespace(
    site: Site, hasty: ServerProcess, join: Callable[..., Client], javascript: Connect, arrive: Arrive, alice: User
) -> None:
    staff = User.objects.create_superuser("root", password="quite-a-Secret-42")
    clients = [arrive(server, family, alice) for server in (hasty, *site.servers) for family in FAMILIES[:3]]
    clients.append(arrive(hasty, "operations", alice))
    clients.append(javascript(hasty, namespace="/realtime", **from_elsewhere()))
    clients[-1].expect("connection:success", authenticated=False)
    plain = join(site.servers[1], alice)
    data = {"title": "Tonight", "message": "We update", "level": "warning"}
    site.servers[0].rest(staff, "POST", "system/announcements/", data)
    for client in clients:
        envelope = client.expect(ANNOUNCEMENT)
        assert re.fullmatch(TIME, envelope.pop("timestamp"))
        assert envelope == {"type": ANNOUNCEMENT, "data": data}
    assert plain.expect("system.announcement") == data
    announce(author_id=staff.pk, title="Again", message="Soon", level="info")
    for client in clients:
        assert client.announced()["title"] == "Again"
        client.hears_nothing(ANNOUNCEMENT)


@each_family
def test_an_event_of_several_rooms_comes_once(
    hasty: ServerProcess, arrive: Arrive, group: Conversation, alice: User, family: str
) -> None:
    client = arrive(hasty, family, alice)
    if family == "messenger":
        client.emit("join-room", str(group.pk))
        client.expect("room-joined")
    rooms = [GlobalRoom(), SystemRoom(), UserRoom(str(alice.pk)), ConversationRoom(group.pk)]
    publish(Push(rooms, SystemAnnouncement(title="once", message="", level="info")))
    assert client.announced()["title"] == "once"
    client.hears_nothing(ANNOUNCEMENT)


# -- tokens that end ------------------------------------------------------------------------------------------------


def test_an_expired_token_ends_the_connection_after_a_warning(
    hasty: ServerProcess, arrive: Arrive, alice: User
) -> None:
    clients = [arrive(hasty, family, alice, token_for(alice, 2)) for family in FAMILIES]
    for client in clients:
        assert re.fullmatch(TIME, client.expect("auth.expiring")["expiresAt"])
    for client in clients:
        assert sent_away(client)["code"] == "TOKEN_EXPIRED"


def test_a_new_token_in_place_keeps_the_connection(hasty: ServerProcess, arrive: Arrive, alice: User) -> None:
    clients = [arrive(hasty, family, alice) for family in FAMILIES]  # with tokens that live for as long as that takes
    ends = []
    for token in (token_for(alice, 4), token_for(alice, 6)):
        for client in clients:
            client.emit("auth", token)
            assert client.expect("auth-success") == {"userId": str(alice.pk)}
        ends.append({client.expect("auth.expiring")["expiresAt"] for client in clients})
    [first], [second] = ends
    assert second > first
    for client in clients:
        assert sent_away(client)["code"] == "TOKEN_EXPIRED"
        assert time.time() >= datetime.fromisoformat(second).timestamp() - 0.1


@each_family
def test_a_bad_or_foreign_token_in_place_changes_nothing(
    hasty: ServerProcess, arrive: Arrive, alice: User, bob: User, family: str
) -> None:
    client = arrive(hasty, family, alice)
    for token in ("nonsense", access_token(bob), token_for(alice, -5)):
        client.emit("auth", token)
        assert client.expect("error")["code"] in {"AUTH_FAILED", "TOKEN_EXPIRED"}
        answer = client.call("auth", token)
        assert (answer["success"], answer["code"]) in {(False, "AUTH_FAILED"), (False, "TOKEN_EXPIRED")}
    assert client.call("ping")["timestamp"]


def deactivate(user: User) -> None:
    """As the admin does."""
    services.deactivate_user(user_id=user.pk)


def log_out(user: User) -> None:
    """From everywhere."""
    services.log_out_everywhere(user_id=user.pk)


@pytest.mark.parametrize("end", [deactivate, log_out])
def test_all_clients_of_a_user_end_on_every_process_in_every_family(
    site: Site, hasty: ServerProcess, arrive: Arrive, alice: User, bob: User, end: Callable[[User], None]
) -> None:
    clients = [arrive(server, family, alice) for server in site.servers for family in FAMILIES[:3]]
    clients.append(arrive(hasty, "operations", alice))
    other = arrive(site.servers[0], "groups", bob)
    end(alice)
    for client in clients:
        assert sent_away(client)["code"] == "AUTH_FAILED"
    assert other.call("ping")["timestamp"]


# -- several namespaces over one connection --------------------------------------------------------------------


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_namespaces_of_one_connection_are_sessions_of_their_own(
    site: Site,
    javascript: Connect,
    proxy: Callable[..., Proxy],
    say: Callable[..., None],
    alice: User,
    transport: str,
) -> None:
    between = proxy(site.servers[0])
    options: dict[str, Any] = {"forceNew": False, **TRANSPORTS[transport]}
    groups = javascript(between, alice, **options)
    social = javascript(between, alice, namespace="/ws", **options)
    refused = javascript(between, namespace="/ws-not", **options)
    groups.happens("connect")
    assert groups.expect("connected")["rooms"]
    assert social.expect("connected") == {"userId": str(alice.pk)}
    assert refused.happens("connect_error")["message"] == "Invalid namespace"
    assert groups.state["sid"] != social.state["sid"]
    if transport == "websocket":
        assert len(between.ways) == 2  # the two ends of one connection

    say("for groups")
    assert groups.expect("newMessage")["text"] == "for groups"
    social.hears_nothing("newMessage")
    social.disconnect()
    assert groups.call("ping")["timestamp"]
    with between.away():
        groups.happens("disconnect")
    assert groups.happens("connect")["recovered"] is True
    groups.hears_nothing("newMessage")
    assert social.state["connected"] is False
    social.do("reconnect")
    assert social.expect("connected")
    assert logged_in(groups, alice).call("ping")["timestamp"]
