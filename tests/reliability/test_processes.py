"""Several processes on one Redis: one order whatever their clocks say, and no loss that nobody hears of."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client

from accounts.models import User
from accounts.tokens import access_token
from realtime.publishing import Push, publish
from realtime.testing import Client
from tests.integration.servers import ServerProcess
from tests.lab.events import Noted, Page
from tests.lab.rooms import LabRoom
from tests.reliability.conftest import Site
from tests.reliability.readers import NOTES, TIMEOUT, numbers, tell

Join = Callable[..., Client]
CLOCK = {"PYTHONPATH": str(Path(__file__).parent / "clock")}
SERVERS = [CLOCK, CLOCK | {"CLOCK_AHEAD": "5"}]
SIZE = 10_000


def note(number: int) -> None:
    publish(Push(LabRoom("notes"), Noted(number=number)))


@pytest.fixture
def redis(site: Site) -> Iterator[redis_client.Redis]:
    """A client of the deployment's Redis."""
    with redis_client.Redis.from_url(site.redis.url) as client:
        yield client


def listening(join: Join, server: ServerProcess, user: User) -> Client:
    client = join(server, user)
    client.call("rooms.subscribe", NOTES)
    return client


# -- order -------------------------------------------------------------------------------------------


def test_all_members_hear_one_order_though_the_clocks_of_the_processes_differ(
    site: Site, join: Join, alice: User, bob: User, carol: User
) -> None:
    """Two speak at the same time, on processes whose clocks are five seconds apart."""
    speakers = [listening(join, server, user) for server, user in zip(site.servers, (alice, bob), strict=True)]
    listeners = [*speakers, *(listening(join, server, carol) for server in site.servers)]
    right, wrong = (speaker.call("lab.clock")["number"] for speaker in speakers)
    assert wrong - right >= 4
    for number in range(300):
        speakers[number % 2].send("lab.note", {"number": number})
    heard = [[client.expect(Noted).number for _ in range(300)] for client in listeners]
    assert heard == [heard[0]] * 4
    assert sorted(heard[0]) == list(range(300))
    for one in (0, 1):
        assert [number for number in heard[0] if number % 2 == one] == list(range(one, 300, 2))


def test_what_is_said_after_something_was_heard_comes_after_it(
    site: Site, join: Join, alice: User, bob: User, carol: User
) -> None:
    """Also if the clock says the contrary: of two that talk in turns, every second one is five seconds ahead."""
    talkers = [listening(join, server, user) for server, user in zip(site.servers, (bob, alice), strict=True)]
    listeners = [listening(join, server, carol) for server in reversed(site.servers)]
    for number in range(40):
        talkers[number % 2].send("lab.note", {"number": number})
        assert [talker.expect(Noted).number for talker in talkers] == [number] * 2
    for listener in listeners:
        assert [listener.expect(Noted).number for _ in range(40)] == list(range(40))


def test_a_burst_over_every_capacity_arrives_whole(site: Site, join: Join, alice: User, bob: User) -> None:
    """Far more than the 100 of the stock layers."""
    listeners = [listening(join, server, user) for server, user in zip(site.servers, (alice, bob), strict=True)]
    publish(*(Push(LabRoom("notes"), Noted(number=number)) for number in range(5000)))
    for listener in listeners:
        # Should Redis not take all of it within a second, the relay sends it once more, from the beginning.
        heard: dict[int, None] = {}
        while len(heard) < 5000:
            heard[listener.expect(Noted, timeout=TIMEOUT).number] = None
        assert list(heard) == list(range(5000))


# -- the connection to Redis -------------------------------------------------------------------------


def lost(server: ServerProcess, user: User) -> tuple[Client, dict[str, Any]]:
    """A client in the room, and its greeting."""
    client = Client(server.url, token=access_token(user), user_id=str(user.pk))
    greeting = client.expect("connected")
    client.call("rooms.subscribe", NOTES)
    return client, greeting


def come_back(server: ServerProcess, user: User, greeting: dict[str, Any]) -> Client:
    """As an app does: again and again, until it is let in."""
    url = f"{server.url}?resume={greeting['offset']}&connection={greeting['connectionId']}"
    while True:
        client = Client(url, token=access_token(user), user_id=str(user.pk))
        frame = client.receive(TIMEOUT)
        if frame["event"] == "connected":
            client.inbox.append(frame)
            return client
        client.close()


def subscribers(redis: redis_client.Redis) -> set[str]:
    """The connections that listen, by their ids."""
    return {str(client["id"]) for client in redis.client_list(_type="pubsub")}


def test_a_killed_subscription_is_told_to_every_client_and_nothing_is_lost_in_silence(
    site: Site, redis: redis_client.Redis, alice: User
) -> None:
    clients = [lost(server, alice) for server in site.servers]
    assert redis.client_kill_filter(_type="pubsub") == len(site.servers)
    note(1)  # while nobody listens, or only just again

    for server, (client, greeting) in zip(site.servers, clients, strict=True):
        assert client.closed(TIMEOUT) == 1001
        with come_back(server, alice, greeting) as again:
            assert again.expect("connected")["recovered"] is False
            again.call("rooms.subscribe", NOTES)
            note(2)
            assert again.expect(Noted, number=2).number == 2
        assert server.status("/readyz") == 200


def test_a_subscriber_that_redis_cuts_off_for_its_buffer_tells_its_clients(
    site: Site, redis: redis_client.Redis, join: Join, alice: User, bob: User
) -> None:
    """One process hangs while its rooms are told a lot; the other one's clients notice nothing."""
    stopped, other = site.servers
    assert stopped.process is not None
    (client, greeting), witness = lost(stopped, alice), listening(join, other, bob)
    before = subscribers(redis)
    limit = str(redis.config_get("client-output-buffer-limit")["client-output-buffer-limit"])
    redis.config_set("client-output-buffer-limit", "pubsub 2mb 0 0")
    stopped.process.send_signal(signal.SIGSTOP)
    try:
        told = 0
        while subscribers(redis) == before:
            tell(Page, range(told, told + 20), size=SIZE)
            assert numbers(witness, 20) == list(range(told, told + 20))
            told += 20
    finally:
        stopped.process.send_signal(signal.SIGCONT)
        redis.config_set("client-output-buffer-limit", limit)

    assert client.closed(TIMEOUT) == 1001
    heard = [frame["data"]["number"] for frame in client.inbox if frame["event"] == "lab.page"]
    assert heard == list(range(len(heard)))
    with come_back(stopped, alice, greeting) as again:
        assert again.expect("connected")["recovered"] is False
        again.call("rooms.subscribe", NOTES)
        tell(Page, range(told, told + 1), size=SIZE)
        assert numbers(again, 1) == [told]
    assert witness.call("ping")["timestamp"]


def test_a_process_without_an_event_loop_publishes_over_one_connection(
    redis: redis_client.Redis, site: Site, join: Join, alice: User
) -> None:
    listener = listening(join, site.servers[0], alice)
    before = int(redis.info("stats")["total_connections_received"])
    for number in range(200):
        note(number)
    assert [listener.expect(Noted).number for _ in range(200)] == list(range(200))
    assert int(redis.info("stats")["total_connections_received"]) - before <= 1
