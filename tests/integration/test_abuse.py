"""Bad input in every form: each gets its error or its close code, and nobody else is troubled."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, InvalidStatus

from accounts.models import User
from accounts.tokens import access_token
from realtime.testing import Client
from tests.integration.conftest import Site

Join = Callable[..., Client]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)
NAMES = st.sampled_from(["ping", "message.send", "rooms.subscribe", "rooms.list", "lab.echo", "auth", "connected"])
FRAMES = (
    st.text()
    | st.binary()
    | JSON.map(json.dumps)
    | st.fixed_dictionaries({}, optional={"event": NAMES | JSON, "data": JSON, "id": JSON, "more": JSON}).map(
        json.dumps
    )
)


def test_bad_frames_by_the_hundred_end_no_process_and_no_other_connection(
    site: Site, join: Join, alice: User, bob: User
) -> None:
    server, good = site.servers[0], join(site.servers[0], bob)
    token = access_token(alice)
    seen: set[int] = set()

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(FRAMES, min_size=1, max_size=4))
    def attack(frames: list[str | bytes]) -> None:
        with Client(server.url, token=token) as bad:
            bad.expect("connected")
            try:
                for frame in frames:
                    bad.socket.send(frame)
                bad.call("ping")
            except ConnectionClosed as closed:
                seen.add(closed.rcvd.code if closed.rcvd else 1006)
        assert good.call("ping")["timestamp"]

    attack()
    assert seen <= {1007, 4400}, seen
    assert server.process is not None
    assert server.process.poll() is None


@pytest.mark.parametrize(
    "frame",
    [
        "[]",
        '"text"',
        "1",
        "{}",
        '{"event": 1}',
        '{"event": null}',
        '{"event": "ping", "data": []}',
        '{"event": "ping", "data": null}',
        '{"event": "ping", "data": {"more": 1}}',
        '{"event": "ping", "more": 1}',
        '{"event": "message.send", "data": {"conversationId": "1", "text": "x"}}',
        '{"event": "message.send", "data": {"text": "x"}}',
        '{"event": "message.send", "data": {"conversationId": "01a1fb98-0000-7000-8000-000000000000", "text": 1}}',
        '{"event": "rooms.subscribe", "data": {"room": "conversation:../../etc"}}',
        '{"event": "rooms.subscribe", "data": {"room": "nowhere:1"}}',
        '{"event": "rooms.subscribe", "data": {"room": ""}}',
        '{"event": "rooms.subscribe"}',
        '{"event": "ping", "data": {"text": "\\ud83d"}}',
        '{"event": "ping", "data": {}, "more": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"event": "auth"}',
        '{"event": "auth", "data": {"token": 1}}',
    ],
)
def test_json_of_the_wrong_shape_is_an_error_and_the_connection_stays(
    site: Site, join: Join, alice: User, frame: str
) -> None:
    client = join(site.servers[0], alice)
    client.socket.send(frame)
    assert client.expect("error")["code"] == "INVALID_PAYLOAD"
    assert client.call("ping")["timestamp"]


@pytest.mark.parametrize("identifier", [0, None, "", "x", 1.5, [1, {"a": None}], {"b": True}, 2**70])
def test_a_refusal_comes_under_the_id_that_was_sent(site: Site, join: Join, alice: User, identifier: Any) -> None:
    client = join(site.servers[0], alice)
    for frame in ({"event": 1}, {"event": "nothing.known"}, {"event": "ping", "data": {"more": "\ud83d"}}):
        client.socket.send(json.dumps(frame | {"id": identifier}))
        reply = client.receive()
        assert (reply["event"], reply["id"], reply["ok"]) == ("reply", identifier, False)
        assert reply["error"]["code"] in {"INVALID_PAYLOAD", "UNKNOWN_EVENT"}


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("not json", 1007),
        ("", 1007),
        ('{"event": NaN}', 1007),
        ('{"event": "ping"', 1007),
        (b"binary", 4400),
        ("x" * 1_000_001, 1009),
        (json.dumps({"event": "ping", "data": {"text": "é" * 600_000}}, ensure_ascii=False), 1009),
    ],
    ids=["text", "empty", "NaN", "half", "binary", "too big", "too big in UTF-8"],
)
def test_what_cannot_be_read_closes_the_connection_with_its_code(
    site: Site, join: Join, alice: User, frame: str | bytes, code: int
) -> None:
    client = join(site.servers[0], alice)
    client.socket.send(frame)
    assert client.closed() == code


def test_text_that_is_no_utf8_closes_with_1007(site: Site, join: Join, alice: User) -> None:
    client = join(site.servers[0], alice)
    client.socket.send(b'{"event": "\xff"}', text=True)
    assert client.closed() == 1007


def test_a_crash_in_a_handler_tells_nothing_of_itself(site: Site, join: Join, alice: User) -> None:
    client = join(site.servers[0], alice)
    client.send("lab.crash", id=1)
    error = client.receive()["error"]
    assert error["code"] == "INTERNAL"
    assert "secret" not in json.dumps(error)
    assert client.call("ping")["timestamp"]
    assert "secret detail" in site.servers[0].log.read_text()


def test_commands_wait_for_the_auth_frame(site: Site, alice: User) -> None:
    with Client(site.servers[0].url) as client:
        client.send("ping", id=1)
        assert client.receive()["error"]["code"] == "NOT_AUTHENTICATED"
        client.send("rooms.list")
        assert client.expect("error")["code"] == "NOT_AUTHENTICATED"
        assert client.call("auth", {"token": access_token(alice)})["expiresAt"]
        assert client.expect("connected")["userId"] == str(alice.pk)
        assert client.call("ping")["timestamp"]


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "é", "x" * 5000])
def test_a_bad_token_is_told_and_the_connection_closed(site: Site, token: str) -> None:
    url = site.servers[0].url
    with Client(url) as by_frame:
        by_frame.send("auth", {"token": token})
        assert by_frame.expect("error")["code"] == "AUTH_FAILED"
        assert by_frame.closed() == 4401
    if token.isascii():
        with Client(url, token=token) as by_header:
            assert by_header.expect("error")["code"] == "AUTH_FAILED"
            assert by_header.closed() == 4401
        with Client(url, subprotocols=["realtime.v1", f"bearer.{token}"]) as by_subprotocol:
            assert by_subprotocol.socket.subprotocol == "realtime.v1"
            assert by_subprotocol.expect("error")["code"] == "AUTH_FAILED"
            assert by_subprotocol.closed() == 4401


def test_a_foreign_origin_is_refused_with_4403(site: Site, alice: User) -> None:
    server = site.servers[0]
    for origin in ("https://evil.example", "http://127.0.0.1:1", "null", "file://", "http://[", ""):
        with Client(server.url, token=access_token(alice), origin=origin) as client:
            assert client.closed() == 4403
    for origin in (f"http://127.0.0.1:{server.port}", "http://localhost:3000"):
        with Client(server.url, token=access_token(alice), origin=origin) as client:
            assert client.expect("connected")


def test_tokens_are_in_no_log(site: Site, join: Join, alice: User) -> None:
    token = access_token(alice)
    server = site.servers[0]
    join(server, alice, token=token)
    with Client(f"{server.url}?token={token}", subprotocols=["realtime.v1", f"bearer.{token}"]) as client:
        client.expect("connected")
    with pytest.raises(InvalidStatus), Client(server.url.replace("/ws/", f"/nowhere/?token={token}")):
        pass
    with Client(server.url) as client:
        client.send("auth", {"token": token + "x"})
        client.closed()
    server.status(f"/nothing?token={token}")
    log = server.log.read_text()
    assert "connected" in log
    assert token.split(".")[2] not in log
    assert token.split(".")[1] not in log
