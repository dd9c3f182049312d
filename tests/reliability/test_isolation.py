"""What one client does holds up no other: neither commands nor events wait for a handler that hangs."""

from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from accounts.models import User
from realtime.publishing import Push, publish
from realtime.testing import Client
from tests.integration.servers import ServerProcess
from tests.lab.events import Noted
from tests.lab.rooms import LabRoom
from tests.reliability.conftest import Site
from tests.reliability.readers import NOTES

Join = Callable[..., Client]
THREADS = 3
SERVERS = [{"DATABASE_THREADS": str(THREADS)}, {}]
LOCK = 4712


@pytest.fixture
def server(site: Site) -> ServerProcess:
    return site.servers[0]


@pytest.fixture
def lock(transactional_db: None) -> Iterator[None]:
    """Held by the test: handlers that want it hang."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        yield
        cursor.execute("SELECT pg_advisory_unlock_all()")


def hang(join: Join, server: ServerProcess, user: User, count: int) -> list[Client]:
    """So many clients, each in a query that does not come back; all of them are in it when this returns."""
    clients = [join(server, user) for _ in range(count)]
    for client in clients:
        client.send("lab.slow", {"number": LOCK}, id="slow")
    with connection.cursor() as cursor:
        waiting = 0
        while waiting < count:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            (waiting,) = cursor.fetchone()
    return clients


def let_go(clients: list[Client]) -> None:
    """Those who hung are answered."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    for client in clients:
        assert reply_to(client, "slow")


def reply_to(client: Client, identifier: str) -> bool:
    while (frame := client.receive()).get("id") != identifier:
        pass
    return bool(frame["ok"])


def test_while_some_queries_hang_the_commands_of_others_are_answered(
    server: ServerProcess, join: Join, lock: None, alice: User, bob: User
) -> None:
    """One thread is left: in the stock stack a single query has the only one."""
    hanging = hang(join, server, alice, THREADS - 1)
    other = join(server, bob)
    assert other.call("lab.note", {"number": 1}) == {"number": 1}  # a query of its own
    assert other.call("ping")["timestamp"]
    let_go(hanging)


def test_while_every_thread_hangs_events_arrive_and_commands_without_a_query_are_answered(
    server: ServerProcess, join: Join, lock: None, alice: User, bob: User
) -> None:
    """So no event takes a thread on its way: in the stock stack each one does."""
    listeners = [join(server, bob) for _ in range(3)]
    for listener in listeners:
        listener.call("rooms.subscribe", NOTES)
    hanging = hang(join, server, alice, THREADS)
    publish(*(Push(LabRoom("notes"), Noted(number=number)) for number in range(1000)))
    for listener in listeners:
        assert [listener.expect(Noted).number for _ in range(1000)] == list(range(1000))
        assert listener.call("ping")["timestamp"]
    let_go(hanging)


def test_a_command_that_hangs_holds_up_the_same_clients_next_one_and_no_event(
    server: ServerProcess, join: Join, lock: None, alice: User
) -> None:
    (client,) = hang(join, server, alice, 1)
    client.send("ping", id="after it")
    publish(Push(LabRoom("elsewhere"), Noted(number=0)))
    client.hears_nothing("reply")
    let_go([client])
    assert reply_to(client, "after it")


def test_another_process_notices_nothing(site: Site, join: Join, lock: None, alice: User, bob: User) -> None:
    hanging = hang(join, site.servers[0], alice, THREADS)
    other = join(site.servers[1], bob)
    assert other.call("users.checkOnline", {"userIds": [str(alice.pk)]})["statuses"] == {str(alice.pk): True}
    let_go(hanging)
