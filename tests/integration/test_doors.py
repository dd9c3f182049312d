"""How clients of each namespace get in, and how those are refused who do not."""

import re
from collections.abc import Callable

import pytest

from accounts.models import User
from accounts.tokens import access_token
from tests.integration.conftest import Site, pair
from tests.integration.families import (
    TIME,
    Connect,
    expired,
    forged,
    from_elsewhere,
    logged_in,
    refused,
    revoked,
    sent_away,
    token_for,
)
from tests.integration.javascript import TRANSPORTS
from tests.integration.servers import ServerProcess

BAD = pytest.mark.parametrize(
    ("bad", "code"),
    [
        (lambda user: "nonsense", "AUTH_FAILED"),
        (lambda user: 7, "AUTH_FAILED"),
        (forged, "AUTH_FAILED"),
        (expired, "TOKEN_EXPIRED"),
        (revoked, "AUTH_FAILED"),
    ],
    ids=["nonsense", "number", "forged", "expired", "revoked"],
)
Bad = Callable[[User], object]
TEXT = "Invalid authentication token"


@pair
@pytest.mark.parametrize("namespace", ["/", "/ws"])
@BAD
def test_a_bad_token_of_the_handshake_is_a_connect_error(
    site: Site, javascript: Connect, alice: User, namespace: str, bad: Bad, code: str
) -> None:
    client = javascript(site.servers[0], namespace=namespace, auth={"token": bad(alice)})
    assert refused(client)["code"] == code
    client.do("auth", auth={"token": token_for(User.objects.get(pk=alice.pk), 60)})
    client.do("reconnect")
    assert client.expect("connected")["userId"] == str(alice.pk)


@pair
@pytest.mark.parametrize("auth", [{}, {"token": None}, {"token": ""}], ids=["absent", "null", "empty"])
def test_no_token_means_login_in_band_or_nobody_or_nothing(
    site: Site, hasty: ServerProcess, javascript: Connect, alice: User, auth: dict[str, object]
) -> None:
    assert refused(javascript(site.servers[0], namespace="/ws", auth=auth))["code"] == "AUTH_REQUIRED"
    in_band = javascript(site.servers[0], auth=auth)
    assert sorted(logged_in(in_band, alice).call("getRooms")) == ["global:all", f"user:{alice.pk}"]
    nobody = javascript(hasty, namespace="/realtime", auth=auth, **from_elsewhere())
    assert nobody.expect("connection:success")["authenticated"] is False


def test_an_unknown_namespace_is_a_connect_error(site: Site, javascript: Connect, alice: User) -> None:
    client = javascript(site.servers[0], alice, namespace="/nowhere")
    assert client.happens("connect_error")["message"] == "Invalid namespace"


@pair
def test_markets_clients_bring_their_token_in_the_header_as_well(site: Site, javascript: Connect, alice: User) -> None:
    headers = {"Authorization": f"Bearer {access_token(alice)}"}
    for transport in TRANSPORTS.values():
        client = javascript(site.servers[0], extraHeaders=headers, **transport)
        assert client.expect("connected")["userId"] == str(alice.pk)
    bad = javascript(site.servers[0], extraHeaders={"Authorization": "Bearer nonsense"})
    assert refused(bad)["code"] == "AUTH_FAILED"


@pair
def test_the_token_of_the_auth_payload_goes_before_that_of_the_header(
    site: Site, javascript: Connect, alice: User, bob: User
) -> None:
    headers = {"Authorization": f"Bearer {access_token(bob)}"}
    client = javascript(site.servers[0], alice, extraHeaders=headers)
    assert client.expect("connected")["userId"] == str(alice.pk)


# -- in band: messenger ----------------------------------------------------------------------------------


@pair
def test_who_does_not_log_in_in_time_is_disconnected(hasty: ServerProcess, javascript: Connect) -> None:
    assert sent_away(javascript(hasty))["code"] == "AUTH_TIMEOUT"


@pair
@BAD
def test_who_logs_in_with_a_bad_token_is_disconnected(
    site: Site, javascript: Connect, alice: User, bad: Bad, code: str
) -> None:
    client = javascript(site.servers[0])
    client.emit("auth", bad(alice))
    assert sent_away(client)["code"] == code


@pair
def test_whoever_has_not_logged_in_may_do_nothing_else(site: Site, javascript: Connect, alice: User) -> None:
    client = javascript(site.servers[0])
    for name in ("ping", "heartbeat", "join-room", "sendMessage", "no such event"):
        client.emit(name, {})
        assert client.expect("error") == {"code": "NOT_AUTHENTICATED", "message": "User not authenticated"}
        answer = client.call(name, {})
        assert answer == {"success": False, "error": "User not authenticated", "code": "NOT_AUTHENTICATED"}
    logged_in(client, alice)
    client.hears_nothing("error", "connected")


@pair
def test_logging_in_again_succeeds_and_answers_an_acknowledgement_too(
    site: Site, javascript: Connect, alice: User, bob: User
) -> None:
    client = logged_in(javascript(site.servers[0]), alice)
    assert client.call("auth", access_token(alice)) == {"userId": str(alice.pk)}
    assert client.expect("auth-success") == {"userId": str(alice.pk)}
    client.emit("auth", access_token(bob))
    assert client.expect("error")["code"] == "AUTH_FAILED"
    assert client.call("ping")["timestamp"]


# -- operations --------------------------------------------------------------------------------------------


@pair
@pytest.mark.parametrize("place", ["auth", "Bearer", "bare", "query"])
def test_operations_take_the_token_from_several_places(
    hasty: ServerProcess, javascript: Connect, alice: User, place: str
) -> None:
    token = access_token(alice)
    options = {
        "auth": from_elsewhere() | {"auth": {"token": token}},
        "Bearer": from_elsewhere(Authorization=f"Bearer {token}"),
        "bare": from_elsewhere(Authorization=token),
        "query": from_elsewhere() | {"query": {"token": token}},
    }[place]
    client = javascript(hasty, namespace="/realtime", **options)
    greeting = client.expect("connection:success")
    assert greeting.keys() == {"authenticated", "clientId", "timestamp"}
    assert greeting["authenticated"] is True
    assert re.fullmatch(TIME, greeting["timestamp"])
    assert greeting["clientId"]


@pair
@BAD
def test_operations_with_a_bad_token_are_told_and_disconnected(
    hasty: ServerProcess, javascript: Connect, alice: User, bad: Bad, code: str
) -> None:
    assert code in {"AUTH_FAILED", "TOKEN_EXPIRED"}  # this family knows but the first
    token = bad(alice)
    client = javascript(hasty, namespace="/realtime", auth={"token": token}, **from_elsewhere())
    assert sent_away(client) == {"code": "AUTH_FAILED", "message": TEXT}
    assert not [heard for heard in client.inbox if heard.on == "event"]


@pair
@pytest.mark.parametrize("place", ["Bearer", "bare", "query"])
def test_operations_with_a_bad_token_in_another_place_are_no_better_off(
    hasty: ServerProcess, javascript: Connect, place: str
) -> None:
    options = {
        "Bearer": from_elsewhere(Authorization="Bearer nonsense"),
        "bare": from_elsewhere(Authorization="nonsense"),
        "query": from_elsewhere() | {"query": {"token": "nonsense"}},
    }[place]
    client = javascript(hasty, namespace="/realtime", **options)
    assert sent_away(client) == {"code": "AUTH_FAILED", "message": TEXT}


@pair
def test_ten_connections_a_minute_from_one_address_and_the_next_one_is_refused_unseen(
    hasty: ServerProcess, javascript: Connect, alice: User
) -> None:
    home = from_elsewhere()
    for _ in range(10):  # with an upgrade each, which is no new connection
        client = javascript(hasty, alice, namespace="/realtime", **home)
        client.expect("connection:success")
        client.happens("upgrade")
        client.disconnect()
    for auth in ({"token": access_token(alice)}, {"token": "nonsense"}, {}):
        error = sent_away(javascript(hasty, namespace="/realtime", auth=auth, **home))
        assert (error["code"], error["message"]) == ("TOO_MANY_CONNECTIONS", "Too many connections")
    javascript(hasty, alice, namespace="/realtime", **from_elsewhere()).expect("connection:success")
    javascript(hasty, alice, namespace="/ws", **home).expect("connected")
