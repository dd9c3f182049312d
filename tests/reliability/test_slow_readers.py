"""A client that does not read costs what its buffer holds, and nobody else anything."""

from collections.abc import Callable

import pytest

from accounts.models import User
from accounts.tokens import access_token
from realtime.publishing import Push, publish
from realtime.testing import Client
from tests.integration.servers import ServerProcess
from tests.lab.events import Gauge, Leaf, Page
from tests.lab.rooms import LabRoom
from tests.reliability.conftest import Site
from tests.reliability.readers import (
    CUT,
    NOTES,
    TIMEOUT,
    await_event,
    cuts,
    end_of,
    held_by_the_network,
    is_cut_off,
    numbers,
    options,
    resident,
    socketio,
    tell,
)

Join = Callable[..., Client]
BUFFER = 100_000
SERVERS = [
    {"REALTIME_RECOVERY_BYTES": "1000000"},  # the log is no part of what is measured there
    {"REALTIME_SEND_BUFFER": str(BUFFER)},
]
SIZE = 10_000
BATCH = 100
BATCHES = 20  # of a megabyte each: 20 MB
GROWTH = 5_000_000


def flood(readers: list[Client]) -> None:
    """20 MB for the room, as fast as the readers take them: all of it, in order."""
    for batch in range(BATCHES):
        told = range(batch * BATCH, (batch + 1) * BATCH)
        tell(Page, told, size=SIZE)
        for reader in readers:
            assert numbers(reader, BATCH) == list(told)


@pytest.fixture
def server(site: Site) -> ServerProcess:
    return site.servers[0]


@pytest.fixture
def readers(server: ServerProcess, join: Join, bob: User, carol: User) -> list[Client]:
    """Two who read; the server has had such a flood before, so that its memory has its usual size."""
    made = [join(server, bob), join(server, carol)]
    for reader in made:
        reader.call("rooms.subscribe", NOTES)
    flood(made)
    return made


def test_a_plain_client_that_never_reads_again_is_cut_and_costs_no_memory(
    server: ServerProcess, join: Join, alice: User, readers: list[Client]
) -> None:
    silent = join(server, alice, **options(server))
    silent.call("rooms.subscribe", NOTES)
    before = resident(server)

    flood(readers)

    assert resident(server) - before < GROWTH
    assert is_cut_off(silent.socket.socket)
    assert silent.closed(timeout=TIMEOUT) in CUT
    assert [frame["data"]["number"] for frame in silent.inbox if frame["event"] == "lab.page"] == list(
        range(len(silent.inbox))
    )
    assert [reader.call("ping").keys() for reader in readers] == [{"timestamp"}] * 2


def test_a_socketio_client_that_never_reads_again_is_cut_and_costs_no_memory(
    server: ServerProcess, readers: list[Client]
) -> None:
    with socketio(server, **options(server)) as silent, socketio(server) as other:
        before = resident(server)

        for batch in range(BATCHES):
            tell(Page, range(BATCH), size=SIZE)
            for reader in readers:
                assert numbers(reader, BATCH) == list(range(BATCH)), batch
            assert [await_event(other, "page")[0]["number"] for _ in range(BATCH)] == list(range(BATCH))

        assert resident(server) - before < GROWTH
        assert is_cut_off(silent.socket)
        assert end_of(silent) in CUT


# -- what goes first ---------------------------------------------------------------------------------


@pytest.fixture
def small(site: Site) -> ServerProcess:
    """The server whose clients have small buffers."""
    return site.servers[1]


@pytest.fixture
def witness(small: ServerProcess, join: Join, bob: User) -> Client:
    """Who has read what the server has handed out."""
    client = join(small, bob)
    client.call("rooms.subscribe", NOTES)
    return client


@pytest.fixture
def slow(small: ServerProcess, join: Join, alice: User) -> Client:
    """Who does not read for now."""
    client = join(small, alice, **options(small))
    client.call("rooms.subscribe", NOTES)
    return client


def clog(witness: Client) -> int:
    """Fill all that lies between the server and a slow reader, and half of its buffer, with what may be dropped."""
    count = held_by_the_network() // SIZE + 20
    for number in range(0, count, 2):
        tell(Leaf, range(number, number + 2), size=SIZE)
        assert numbers(witness, 2, "lab.leaf") == [number, number + 1]
    return count


def test_the_droppable_goes_first_then_all_but_the_latest_and_what_is_durable_never(
    witness: Client, slow: Client
) -> None:
    leaves = clog(witness)
    for number in range(1000):  # 280 kB, if all of them waited
        publish(Push(LabRoom("notes"), Gauge(name="one", value=number)))
        assert witness.expect("lab.gauge")["value"] == number
    for number in range(7):  # more than the half of the buffer that is left
        tell(Page, range(number, number + 1), size=SIZE)
        assert numbers(witness, 1) == [number]

    assert numbers(slow, 7) == list(range(7))
    assert slow.call("ping")["timestamp"]
    values = [frame["data"]["value"] for frame in slow.inbox if frame["event"] == "lab.gauge"]
    heard = [frame["data"]["number"] for frame in slow.inbox if frame["event"] == "lab.leaf"]
    assert values == [999]
    assert heard == list(range(len(heard)))
    assert len(heard) < leaves


def test_a_slow_reader_is_cut_with_1013_rather_than_lose_what_is_durable(
    small: ServerProcess, witness: Client, alice: User
) -> None:
    """It comes back, and is made up for all of it or told that it was not."""
    with Client(small.url, token=access_token(alice), **options(small)) as slow:
        greeting = slow.expect("connected")
        slow.call("rooms.subscribe", NOTES)
        clog(witness)
        told, before = 0, cuts(small)
        while cuts(small) == before:
            tell(Page, range(told, told + 1), size=SIZE)
            assert numbers(witness, 1) == [told]
            told += 1
        assert slow.closed(timeout=TIMEOUT) == 1013
    pages = [frame for frame in slow.inbox if frame["event"] == "lab.page"]
    heard = [page["data"]["number"] for page in pages]
    assert heard == list(range(len(heard)))

    offset = pages[-1]["offset"] if pages else greeting["offset"]
    url = f"{small.url}?resume={offset}&connection={greeting['connectionId']}"
    with Client(url, token=access_token(alice)) as again:
        if again.expect("connected")["recovered"]:
            assert numbers(again, told - len(heard)) == list(range(len(heard), told))
        assert again.call("ping")["timestamp"]
        assert not [frame for frame in again.inbox if frame["event"] == "lab.page"]


def test_who_asks_without_reading_the_answers_is_cut(small: ServerProcess, witness: Client, slow: Client) -> None:
    before, asked = cuts(small), 0
    while cuts(small) == before:
        slow.send("rooms.list", id="x" * SIZE)  # which comes back with the answer
        assert witness.call("ping")["timestamp"]
        asked += 1
    assert slow.closed(timeout=TIMEOUT) == 1013
    assert len(slow.inbox) < asked
    witness.hears_nothing()
