"""Silence ends nothing, however long it lasts: every period is passed many times over, and a day by the clock."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis as redis_client

from accounts.models import User
from accounts.tokens import access_token
from realtime.publishing import Push, publish
from realtime.testing import Client
from tests.integration.servers import ServerProcess
from tests.integration.test_sessions import token_for
from tests.lab.events import Noted
from tests.lab.rooms import LabRoom
from tests.reliability.conftest import Site
from tests.reliability.raw import PING, TEXT, Raw
from tests.reliability.readers import NOTES

Join = Callable[..., Client]
HASTY = {
    "REALTIME_HEARTBEAT_INTERVAL": "0.1",
    "REALTIME_HEARTBEAT_TIMEOUT": "5",
    "REALTIME_AUTH_TIMEOUT": "0.3",
    "REALTIME_CONNECT_TIMEOUT": "0.3",
    "REALTIME_PRESENCE_LEASE": "0.6",
    "REALTIME_RECOVERY_WINDOW": "0.2",
    "REALTIME_RECOVERY_SWEEP": "0.05",
    "PYTHONPATH": str(Path(__file__).parent / "clock"),
}
SERVERS = [HASTY, HASTY, HASTY | {"REALTIME_HEARTBEAT_TIMEOUT": "0.2"}]
PINGS = 30  # three seconds: five leases, ten windows and time-outs, sixty sweeps
DAY = 86_400


def opened(raw: Raw, path: str, user: User) -> Raw:
    """A WebSocket of this user's."""
    raw.upgrade(path, f"Authorization: Bearer {access_token(user)}")
    assert raw.head()[0] == 101
    return raw


def say_nothing(raw: Raw, frame: tuple[int, bytes] | None = None) -> None:
    """Until so many pings of the server have come: WebSocket's own, or frames like this one, which get "3"."""
    pings = 0
    while pings < PINGS:
        opcode, payload = raw.frame()
        assert opcode in {PING, TEXT}, (opcode, payload)
        pings += (opcode, payload) == frame if frame else opcode == PING
        if (opcode, payload) == frame:
            raw.say(b"3")


def note(number: int) -> None:
    publish(Push(LabRoom("notes"), Noted(number=number)))


@pytest.fixture
def server(site: Site) -> ServerProcess:
    return site.servers[0]


def test_a_client_that_only_answers_pings_stays_in_its_rooms(server: ServerProcess, alice: User) -> None:
    with Raw(server) as raw:
        opened(raw, "/ws/", alice)
        raw.say(json.dumps({"event": "rooms.subscribe", "data": NOTES}).encode())
        say_nothing(raw)
        note(1)
        assert json.loads(raw.until(b"lab.noted"))["data"] == {"number": 1}
        raw.say(b'{"event": "users.onlineCount", "id": 1}')
        assert json.loads(raw.until(b'"reply"'))["data"] == {"count": 1}


def test_a_socketio_client_that_only_answers_pings_stays_in_its_rooms(server: ServerProcess, alice: User) -> None:
    with Raw(server) as raw:
        opened(raw, "/socket.io/?EIO=4&transport=websocket", alice).say(b"40/lab,")
        say_nothing(raw, (TEXT, b"2"))
        note(2)
        assert raw.until(b"noted").startswith(b'42/lab,["noted",2,')


@pytest.mark.parametrize("path", ["/ws/", "/socket.io/?EIO=4&transport=websocket"])
def test_a_client_that_answers_no_ping_is_given_up(site: Site, alice: User, path: str) -> None:
    """The counterpart: it is the pings that keep a connection."""
    with Raw(site.servers[2]) as raw:
        raw.answers_pings = False
        assert opened(raw, path, alice).closed() in {1011, 1006}


@pytest.mark.slow
def test_a_silent_redis_connection_outlives_every_time_out_of_the_client_library(
    site: Site, join: Join, alice: User
) -> None:
    """redis-py gives up a connection after five seconds of silence; ours asks, at that time, whether Redis is there."""
    listener = join(site.servers[0], alice)
    listener.call("rooms.subscribe", NOTES)
    with redis_client.Redis.from_url(site.redis.url) as redis:
        before = {client["id"] for client in redis.client_list(_type="pubsub")}
        with redis.monitor() as monitor:
            asked: list[str] = []
            while len(asked) < 2 * len(before):
                command = monitor.next_command()
                if command["command"].upper() == "PING":
                    asked.append(f"{command['client_address']}:{command['client_port']}")
        assert {client["id"] for client in redis.client_list(_type="pubsub")} == before
        assert len(before) == len(site.servers)
    note(4)
    assert listener.expect(Noted).number == 4


def test_a_day_later_every_membership_is_what_it_was(
    site: Site, join: Join, alice: User, bob: User, carol: User
) -> None:
    """The stock layers' memberships lapse after a day; here the clock of the processes leaps over one."""
    members = [join(server, user) for server, user in zip(site.servers[:2], (alice, bob), strict=True)]
    for member in members:
        member.call("rooms.subscribe", NOTES)
    rooms = [member.call("rooms.list") for member in members]
    start = time.time()
    for server in site.servers[:2]:
        assert server.process is not None
        server.process.send_signal(signal.SIGUSR1)
    for member in members:
        while member.call("lab.clock")["number"] < start + DAY:
            pass
    # Sweeps and leases have come round since: somebody came and went, and that took them.
    watcher = join(site.servers[1], carol, token=token_for(carol, 10 * DAY))
    assert watcher.call("users.onlineCount") == {"count": 3}

    note(3)
    assert [member.expect(Noted).number for member in members] == [3, 3]
    assert [member.call("rooms.list") for member in members] == rooms
