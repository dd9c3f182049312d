"""CONNECT and `auth`: who gets in, with which token from where, and who does not."""

import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from accounts import services
from accounts.models import User
from accounts.tokens import access_token
from realtime import auth, database
from realtime.auth import Credentials
from realtime.process import Process
from realtime.transports.socketio.socket import Socket
from tests.integration.test_sessions import token_for
from tests.realtime.transports.socketio.clients import JAVASCRIPT, Client, Heard
from tests.realtime.transports.socketio.conftest import Configure, Open, instances
from tests.realtime.waiting import until

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

BOTH = ["/ws", "/locked"]


def header(value: str) -> dict[str, Any]:
    return {"headers": [(b"authorization", value.encode())]}


async def refusal(client: Client, namespace: str, token: Any = None) -> Heard:
    """The answer to CONNECT, which is the only packet of the namespace."""
    client.ask_in(namespace, None if token is None else {"token": token})
    await client.until(lambda: bool(client.kinds(namespace)))
    (packet,) = [packet for packet in client.packets if packet.namespace == namespace]
    return packet


# -- refusals -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("namespace", BOTH)
@pytest.mark.parametrize(
    "token", ["nonsense", "a.b.c", "\u00e9", "\ud83d", "x" * 10_000, "\0", 7, True, ["a"], {"a": 1}]
)
async def test_a_bad_token_is_a_connect_error(open_client: Open, process: Process, namespace: str, token: Any) -> None:
    client = await open_client()
    packet = await refusal(client, namespace, token)
    assert packet.kind == 4
    assert packet.data["message"] == "Authentication failed"
    assert packet.data["data"]["code"] == "AUTH_FAILED"
    assert packet.data.keys() == {"message", "data"}
    assert packet.data["data"].keys() == {"code", "message"}
    assert not process.hub.sessions
    assert not client.task.done()


@pytest.mark.parametrize("namespace", BOTH)
@pytest.mark.parametrize(
    "auth", [None, {}, {"token": None}, {"token": ""}, {"other": "x"}, {"token": 0}, {"token": []}]
)
async def test_no_token_is_a_connect_error(open_client: Open, namespace: str, auth: Any) -> None:
    client = await open_client()
    client.ask_in(namespace, auth)
    await client.until(lambda: 4 in client.kinds())
    assert client.packets[0].data["message"] == "Authentication failed"
    assert client.packets[0].data["data"]["code"] == "AUTH_REQUIRED"


@pytest.mark.parametrize("namespace", ["/", *BOTH])
async def test_an_expired_and_a_revoked_token_are_told_apart(open_client: Open, alice: User, namespace: str) -> None:
    client = await open_client()
    assert (await refusal(client, namespace, token_for(alice, -5))).data["data"]["code"] == "TOKEN_EXPIRED"
    token = access_token(alice)
    await database.run(lambda: services.log_out_everywhere(user_id=alice.pk))
    other = await open_client()
    assert (await refusal(other, namespace, token)).data["data"]["code"] == "AUTH_FAILED"


async def test_a_refused_client_may_try_again_on_the_same_connection(open_client: Open, alice: User) -> None:
    client = await open_client()
    await refusal(client, "/ws", "nonsense")
    client.say('42/ws,["ping"]', "41/ws,")  # late
    await client.enter("/ws", {"token": access_token(alice)})
    assert await client.expect("connected")


async def test_a_deactivated_user_is_refused(open_client: Open, alice: User) -> None:
    token = access_token(alice)
    await database.run(lambda: services.deactivate_user(user_id=alice.pk))
    assert (await refusal(await open_client(), "/ws", token)).data["data"]["code"] == "AUTH_FAILED"


async def test_too_many_connections_of_an_address_are_refused(open_client: Open, configure: Configure) -> None:
    configure(connections_per_address="2/minute")
    for _ in range(2):
        await (await open_client(client=("9.9.9.9", 1))).enter("/lab")
    client = await open_client(client=("9.9.9.9", 2))
    packet = await refusal(client, "/lab")
    assert packet.data["message"] == "Too many connections"
    assert packet.data["data"]["code"] == "TOO_MANY_CONNECTIONS"
    assert packet.data["data"]["retryAfter"] >= 1
    await (await open_client(client=("9.9.9.8", 1))).enter("/lab")


@pytest.mark.parametrize(("token", "code"), [("nonsense", "AUTH_FAILED"), (7, "AUTH_FAILED")])
async def test_a_polite_door_lets_in_tells_and_disconnects(open_client: Open, token: Any, code: str) -> None:
    client = await open_client()
    client.ask_in("/polite", {"token": token})
    await client.until(lambda: 1 in client.kinds())
    assert client.kinds() == [0, 2, 1]
    assert client.events("error")[0][0] == {"code": code, "message": "Go away"}


async def test_trouble_of_the_server_closes_the_transport(
    open_client: Open, alice: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(token: str) -> Credentials:
        raise RuntimeError("secret detail")

    client, in_band = await open_client(), await open_client()
    await in_band.enter("/band")
    monkeypatch.setattr(auth, "authenticator", cache(lambda: fails))
    client.ask_in("/lab", {"token": access_token(alice)})
    assert await client.ended() == 1001
    in_band.emit("/band", "auth", access_token(alice))
    assert await in_band.ended() == 1001
    assert "secret" not in str(client.raw) + str(in_band.raw)
    assert "secret detail" in caplog.text
    caplog.clear()


async def test_a_revocation_while_connecting_is_a_connect_error(
    open_client: Open, alice: User, process: Process, slow_check: "Gate"
) -> None:
    client = await open_client()
    client.ask_in("/ws", {"token": access_token(alice)})
    await until(slow_check.reached.is_set)
    await database.run(lambda: services.log_out_everywhere(user_id=alice.pk))
    await until(lambda: str(alice.pk) in process.hub._revocations)
    slow_check.go.set()
    await client.until(lambda: bool(client.packets))
    assert client.packets == [
        Heard(4, "/ws", None, {"message": "Authentication failed", "data": client.packets[0].data["data"]})
    ]
    assert client.packets[0].data["data"]["code"] == "AUTH_FAILED"
    await until(lambda: not process.hub.sessions)


async def test_a_revocation_while_connecting_to_a_polite_door_is_an_error(
    open_client: Open, alice: User, process: Process, slow_check: "Gate"
) -> None:
    client = await open_client()
    client.ask_in("/polite", {"token": access_token(alice)})
    await until(slow_check.reached.is_set)
    await database.run(lambda: services.log_out_everywhere(user_id=alice.pk))
    await until(lambda: str(alice.pk) in process.hub._revocations)
    slow_check.go.set()
    await client.until(lambda: 1 in client.kinds())
    assert client.kinds() == [0, 2, 1]


async def test_who_leaves_while_the_token_is_checked_leaves_nothing(
    open_client: Open, alice: User, process: Process, slow_check: "Gate"
) -> None:
    client, gone = await open_client(), await open_client()
    for one in (client, gone):
        one.ask_in("/ws", {"token": access_token(alice)})
    client.say("41/ws,")
    await until(slow_check.reached.is_set)
    await gone.leave()
    slow_check.go.set()
    await client.enter("/lab")
    assert {session.user.id for session in process.hub.sessions} == {""}
    assert client.kinds("/ws") == []


# -- sources of the token -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer  ", "BEARER "])
async def test_the_token_of_the_header_counts_where_the_door_allows_it(
    open_client: Open, alice: User, scheme: str
) -> None:
    client = await open_client(**header(scheme + access_token(alice)))
    await client.enter("/locked")
    await client.enter("/query")
    assert (await refusal(client, "/ws")).data["data"]["code"] == "AUTH_REQUIRED"
    await client.enter("/lab")
    await client.expect("hello", "/lab")
    assert [event[1] for event in client.events(None, "/lab")] == [""], "nobody"
    await client.expect("hello", "/locked")
    assert client.events("hello", "/locked")[0][0] == str(alice.pk)


async def test_a_bare_header_counts_where_the_door_allows_it(open_client: Open, alice: User) -> None:
    client = await open_client(**header(access_token(alice)))
    await client.enter("/query")
    assert (await refusal(client, "/locked")).data["data"]["code"] == "AUTH_REQUIRED"


async def test_the_token_of_the_query_counts_where_the_door_allows_it(open_client: Open, alice: User) -> None:
    client = await open_client(JAVASCRIPT + "&token=" + access_token(alice))
    await client.enter("/query")
    assert (await refusal(client, "/locked")).data["data"]["code"] == "AUTH_REQUIRED"
    assert (await refusal(client, "/ws")).data["data"]["code"] == "AUTH_REQUIRED"


async def test_the_auth_payload_comes_before_the_header_and_that_before_the_query(
    open_client: Open, alice: User, bob: User, carol: User
) -> None:
    query = JAVASCRIPT + "&token=" + access_token(carol)
    client = await open_client(query, **header("Bearer " + access_token(bob)))
    await client.enter("/query", {"token": access_token(alice)})
    assert (await client.expect("hello"))[0] == str(alice.pk)
    client.say("41/query,")
    await client.enter("/query", {"token": ""})
    assert (await client.expect("hello", count=2))[0] == str(bob.pk)
    other = await open_client(query)
    await other.enter("/query", {"token": None})
    assert (await other.expect("hello"))[0] == str(carol.pk)


async def test_a_bad_token_is_not_made_up_for_by_a_good_one(open_client: Open, alice: User) -> None:
    client = await open_client(JAVASCRIPT + "&token=" + access_token(alice), **header("Bearer nonsense"))
    assert (await refusal(client, "/query")).data["data"]["code"] == "AUTH_FAILED"
    other = await open_client(**header("Bearer " + access_token(alice)))
    assert (await refusal(other, "/locked", "nonsense")).data["data"]["code"] == "AUTH_FAILED"


async def test_a_handshake_token_that_has_expired_meanwhile_is_refused(open_client: Open, alice: User) -> None:
    client = await open_client(**header("Bearer " + token_for(alice, 1.2)))
    await client.enter("/query")
    await client.until(lambda: 1 in client.kinds("/query"))
    assert (await refusal(client, "/locked")).data["data"]["code"] == "TOKEN_EXPIRED"


async def test_a_handshake_token_that_was_revoked_meanwhile_is_refused(
    open_client: Open, alice: User, process: Process
) -> None:
    client = await open_client(**header("Bearer " + access_token(alice)))
    await database.run(lambda: services.log_out_everywhere(user_id=alice.pk))
    await until(lambda: str(alice.pk) in process.hub._revocations)
    assert (await refusal(client, "/locked")).kind == 4


# -- `auth` ---------------------------------------------------------------------------------------------------


async def test_without_a_token_in_time_comes_an_error_and_disconnect(open_client: Open, configure: Configure) -> None:
    client = await open_client()
    configure(auth_timeout=0.05)
    await client.enter("/band")
    await client.until(lambda: 1 in client.kinds())
    assert client.kinds() == [0, 2, 1]
    assert client.events("error")[0][0]["code"] == "AUTH_TIMEOUT"


@pytest.mark.parametrize("wrap", [lambda token: token, lambda token: {"token": token}])
async def test_auth_opens_the_session(open_client: Open, alice: User, wrap: Callable[[str], Any]) -> None:
    client = await open_client()
    await client.enter("/band")
    client.emit("/band", "auth", wrap(access_token(alice)))
    assert (await client.expect("auth-success"))[0] == {"userId": str(alice.pk)}
    assert (await client.expect("hello"))[0] == str(alice.pk)
    assert await client.call("/band", "message", 1) == [1]


async def test_after_auth_its_deadline_is_over(open_client: Open, alice: User, process: Process) -> None:
    client = await open_client()
    await client.enter("/band")
    (sink,) = instances(Socket)
    await until(lambda: sink.is_pending)
    await client.call("/band", "auth", access_token(alice))
    assert not sink.is_pending


async def test_auth_is_acknowledged(open_client: Open, alice: User) -> None:
    client = await open_client()
    await client.enter("/band")
    assert await client.call("/band", "auth", access_token(alice)) == [{"userId": str(alice.pk)}]


@pytest.mark.parametrize("arguments", [[], [None], [""], ["nonsense"], [7], [{}], [{"token": 7}], [b"x"], ["\ud83d"]])
async def test_a_bad_auth_is_an_error_and_disconnect(open_client: Open, arguments: list[Any]) -> None:
    client, with_ack = await open_client(), await open_client()
    await client.enter("/band")
    client.emit("/band", "auth", *arguments)
    await client.until(lambda: 1 in client.kinds())
    assert client.kinds() == [0, 2, 1]
    assert client.events("error")[0][0]["code"] == "AUTH_FAILED"
    await with_ack.enter("/band")
    assert (await with_ack.call("/band", "auth", *arguments))[0]["code"] == "AUTH_FAILED"
    await with_ack.until(lambda: 1 in with_ack.kinds())
    assert not client.task.done()


async def test_before_auth_everything_is_refused_and_the_client_stays(open_client: Open, alice: User) -> None:
    client = await open_client()
    await client.enter("/band")
    for event in (["message", 1], ["ping"], ["no-such"]):
        assert (await client.call("/band", *event))[0]["code"] == "NOT_AUTHENTICATED"
    client.emit("/band", "message", 1)
    assert (await client.expect("error"))[0]["code"] == "NOT_AUTHENTICATED"
    client.emit("/band", "auth", access_token(alice))
    await client.expect("auth-success")


async def test_auth_again_renews_the_token_of_the_same_user_alone(open_client: Open, alice: User, bob: User) -> None:
    client = await open_client()
    await client.enter("/band", {"token": token_for(alice, 30)})
    assert (await client.call("/band", "auth", token_for(alice, 1000)))[0] == {"userId": str(alice.pk)}
    for wrong in (access_token(bob), "nonsense"):
        assert (await client.call("/band", "auth", wrong))[0]["code"] == "AUTH_FAILED"
        client.emit("/band", "auth", wrong)
    await client.expect("error", count=2)
    assert await client.call("/band", "message", 1) == [1], "the old one counts still"
    assert len(client.events("hello")) == 1


class Gate:
    def __init__(self) -> None:
        self.reached, self.go = threading.Event(), threading.Event()


@pytest.fixture
def slow_check(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Tokens are checked, and then the test has to let go."""
    gate, check = Gate(), auth.authenticator()

    def slowly(token: str) -> Credentials:
        try:
            return check(token)
        finally:
            gate.reached.set()
            assert gate.go.wait(10), "nobody opened the gate"

    monkeypatch.setattr(auth, "authenticator", cache(lambda: slowly))
    return gate


async def test_auth_that_is_checked_for_too_long_is_too_late(
    open_client: Open, configure: Configure, alice: User, slow_check: Gate, process: Process
) -> None:
    client = await open_client()
    configure(auth_timeout=0.05)
    await client.enter("/band")
    client.emit("/band", "auth", access_token(alice), id=1)
    await client.until(lambda: 1 in client.kinds())
    slow_check.go.set()
    await until(lambda: not process.hub.sessions)
    assert client.events("error")[0][0]["code"] == "AUTH_TIMEOUT"
    assert client.kinds() == [0, 2, 1]


async def test_what_is_sent_right_after_auth_waits_for_it(open_client: Open, alice: User, slow_check: Gate) -> None:
    client = await open_client()
    await client.enter("/band")
    client.emit("/band", "auth", access_token(alice))
    client.emit("/band", "message", 1, id=1)
    await until(slow_check.reached.is_set)
    slow_check.go.set()
    assert await client.ack(1, "/band") == [1]
    assert [event[0] for event in client.events()] == ["auth-success", "hello"]
