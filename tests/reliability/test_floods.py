"""Too much of anything: each gets its documented answer, the process keeps its size, and nobody else is troubled."""

import itertools
import json
from collections import Counter
from collections.abc import Callable

import pytest

from accounts.models import User
from accounts.tokens import access_token
from realtime.publishing import Push, publish
from realtime.testing import Client
from tests.integration.servers import ServerProcess
from tests.lab.events import Noted
from tests.lab.rooms import LabRoom
from tests.reliability.conftest import Site
from tests.reliability.raw import FIN, TEXT, Raw
from tests.reliability.readers import NOTES, TIMEOUT, end_of, resident, socketio

Join = Callable[..., Client]
Attack = Callable[[ServerProcess, User], None]
SERVERS = [{"REALTIME_RECOVERY_ROOMS": "500", "REALTIME_RECOVERY_SESSIONS": "100"}]
FLAT = 2_000_000
ROUNDS = itertools.count()
DEEP = "[" * 100_000 + "]" * 100_000


def codes(client: Client, count: int) -> Counter[str]:
    """Of the next so many replies: the codes of those that are errors, "" of the others; all in order."""
    replies = [client.receive(TIMEOUT) for _ in range(count)]
    assert [reply["id"] for reply in replies if "id" in reply] == list(range(count))
    return Counter("" if reply.get("ok") else reply["error"]["code"] for reply in replies)


def a_thousand_bad_frames(server: ServerProcess, user: User) -> None:
    """On one connection, which stays."""
    with server.connect(user) as client:
        for number in range(1000):
            client.send("ping", {"text": number, "more": [number]}, id=number)
        assert codes(client, 1000) == {"INVALID_PAYLOAD": 1000}
        assert client.call("ping")["timestamp"]


def hundreds_of_broken_ones(server: ServerProcess, user: User) -> None:
    """Each ends its own connection."""
    for number in range(300):
        with server.connect(user) as client:
            client.socket.send(f"no JSON {number}")
            assert client.closed() == 1007


def a_flood(server: ServerProcess, user: User) -> None:
    """Of commands, which are all answered, one after another."""
    with server.connect(user) as client:
        for number in range(5000):
            client.send("ping", id=number)
        assert codes(client, 5000) == {"": 5000}


def a_flood_over_the_rate(server: ServerProcess, user: User) -> None:
    with server.connect(user) as client:
        for number in range(1000):
            client.send("lab.echo", {"number": number}, id=number)
        assert codes(client, 1000)["RATE_LIMITED"] >= 997


def a_flood_of_unknown_names(server: ServerProcess, user: User) -> None:
    """Some of which Python knows."""
    names = ["__class__", "realtime.publication", "websocket.disconnect", "dispatch", "send", "", "\0", "x" * 900]
    with server.connect(user) as client:
        for number in range(2000):
            client.send(names[number % len(names)], id=number)
        assert codes(client, 2000) == {"UNKNOWN_EVENT": 2000}


def ten_thousand_subscribes(server: ServerProcess, user: User) -> None:
    """Of as many rooms; a connection can be in a hundred."""
    with server.connect(user) as client:
        for number in range(10_000):
            client.send("rooms.subscribe", {"room": "lab", "id": f"many-{number}"}, id=number)
        assert codes(client, 10_000) == {"": 100, "TOO_MANY_ROOMS": 9900}


def thousands_of_comings_and_goings(server: ServerProcess, user: User) -> None:
    """A process goes on listening to some of the rooms that were left, and to no more than it should."""
    turn = next(ROUNDS)
    with server.connect(user) as client:
        for number in range(4000):
            name = "rooms.unsubscribe" if number % 2 else "rooms.subscribe"
            client.send(name, {"room": "lab", "id": f"brief-{turn}-{number // 2}"}, id=number)
        assert codes(client, 4000) == {"": 4000}


def deep_json(server: ServerProcess, user: User) -> None:
    with server.connect(user) as client:
        for number in range(20):
            client.socket.send(f'{{"event": "ping", "data": {DEEP}, "id": {number}}}')
            assert client.receive()["event"] in {"error", "reply"}
        assert client.call("ping")["timestamp"]


def deep_json_on_socketio(server: ServerProcess, user: User) -> None:
    for _ in range(10):
        with socketio(server) as client:
            client.send(f'42/lab,["message",{DEEP}]')
            assert end_of(client) == 4400


def no_utf8(server: ServerProcess, user: User) -> None:
    """Half a character, one of too many bytes, a surrogate."""
    for path in ("/ws/", "/socket.io/?EIO=4&transport=websocket"):
        for text in (b'4{"\xff"}', b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80"):
            with Raw(server) as raw:
                raw.upgrade(path, f"Authorization: Bearer {access_token(user)}")
                assert raw.head()[0] == 101
                raw.say(text, first=FIN | TEXT)
                assert raw.closed() == 1007


def no_utf8_in_a_post(server: ServerProcess, user: User) -> None:
    path = "/socket.io/?EIO=4&transport=polling"
    for text in (b"4\xff\xfe", b"4\xc3", b"\xed\xa0\x80"):
        with Raw(server) as raw:
            raw.request(f"GET {path}")
            sid = json.loads(raw.body(raw.head()[1])[1:])["sid"]
            raw.request(f"POST {path}&sid={sid}", f"Content-Length: {len(text)}", body=text)
            assert raw.head()[0] == 400


def a_thousand_bad_events_on_socketio(server: ServerProcess, user: User) -> None:
    """On one connection, which stays; then malformed ones, each of which ends its own."""
    with socketio(server) as client:
        for number in range(1000):
            client.send(f'42/lab,{number}["no such event",{{"number":{number}}}]')
        answers = [str(client.recv(timeout=TIMEOUT)) for _ in range(1000)]
        assert all(f"43/lab,{number}[" in answer and "UNKNOWN_EVENT" in answer for number, answer in enumerate(answers))
    for text in ("42", "4x", "9", "42/lab,{", '42/lab,["connect"]', "49999-"):
        with socketio(server) as client:
            client.send(text)
            assert end_of(client) == 4400


ATTACKS: list[Attack] = [
    a_thousand_bad_frames,
    hundreds_of_broken_ones,
    a_flood,
    a_flood_over_the_rate,
    a_flood_of_unknown_names,
    ten_thousand_subscribes,
    thousands_of_comings_and_goings,
    deep_json,
    deep_json_on_socketio,
    no_utf8,
    no_utf8_in_a_post,
    a_thousand_bad_events_on_socketio,
]


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_too_much_gets_its_answer_costs_no_memory_and_troubles_nobody_else(
    site: Site, join: Join, alice: User, bob: User, attack: Attack
) -> None:
    server = site.servers[0]
    witness = join(server, bob)
    witness.call("rooms.subscribe", NOTES)
    attack(server, alice)  # the memory gets its usual size
    before = resident(server)

    for number in range(2):
        attack(server, alice)
        publish(Push(LabRoom("notes"), Noted(number=number)))

    assert [witness.expect(Noted).number for _ in range(2)] == [0, 1]
    assert resident(server) - before < FLAT
    assert server.status("/readyz") == 200
