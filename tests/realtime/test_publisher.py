"""The courier of a server: directly while it can, by the outbox while the layer is down, and in order."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from django.db import OperationalError, connection
from pytest_django import Settings

from realtime import database, outbox
from realtime.couriers import Batch
from realtime.models import OutboxEntry
from realtime.outbox import Relay
from realtime.publications import CONTROLS, Disconnection
from realtime.publisher import Publisher
from realtime.publishing import Admit, Evict, Push, publish, set_courier
from tests.lab.events import Noted, Tick
from tests.lab.rooms import LabRoom
from tests.realtime.waiting import soon, until
from tests.realtime.wire import Wire

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True), pytest.mark.sqlite]
NOTES = LabRoom("notes")
Change = Callable[..., None]


@pytest.fixture
def change(settings: Settings) -> Change:
    def configure(**values: object) -> None:
        settings.REALTIME = {**settings.REALTIME, **values}

    configure(RELAY_INTERVAL=0.01)
    return configure


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest_asyncio.fixture
async def serving(wire: Wire, change: Change) -> AsyncIterator[Callable[[], Publisher]]:
    """`serving()`: a server's publisher with all that runs beside it."""
    tasks: list[asyncio.Task[None]] = []

    def start() -> Publisher:
        publisher = Publisher(wire)
        set_courier(publisher)
        works = publisher.run(), publisher.tidy(), publisher.left.run(), Relay(publisher).run()
        tasks.extend(map(asyncio.create_task, works))
        return publisher

    yield start
    set_courier(None)
    wire.go.set()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def note(*numbers: int) -> None:
    for number in numbers:
        await database.run(publish, Push(NOTES, Noted(number=number)))


def left() -> int:
    return OutboxEntry.objects.count()


async def empty() -> None:
    async with asyncio.timeout(10):
        while await database.run(left):  # noqa: ASYNC110 -- the database sets no event
            await asyncio.sleep(0.01)


async def test_what_is_published_is_sent_at_once_in_order_and_leaves_the_outbox(
    serving: Callable[[], Publisher], wire: Wire
) -> None:
    publisher = serving()
    await note(*range(30))
    await until(lambda: len(wire.sent) == 30)
    await empty()
    assert wire.numbers == list(range(30))
    assert not publisher.is_down


async def test_what_is_not_durable_is_sent_without_the_outbox(serving: Callable[[], Publisher], wire: Wire) -> None:
    serving()
    wire.go.clear()
    await database.run(publish, Push(NOTES, Tick(number=1)))
    assert await database.run(left) == 0
    wire.go.set()
    await until(lambda: wire.numbers == [1])


async def test_on_the_loop_it_is_queued_without_a_thread(serving: Callable[[], Publisher], wire: Wire) -> None:
    serving()
    publish(Push(NOTES, Tick(number=1)), Push(NOTES, Tick(number=2)))
    await until(lambda: wire.numbers == [1, 2])


@pytest.mark.parametrize("kind", [Admit, Evict])
async def test_who_changes_a_membership_goes_on_when_it_was_sent(
    serving: Callable[[], Publisher], wire: Wire, kind: type[Admit | Evict]
) -> None:
    serving()
    for number in range(20):
        await database.run(publish, kind(str(number), NOTES))
        assert isinstance(wire.sent[-1], CONTROLS)
        assert wire.sent[-1] == kind(str(number), NOTES).publication()


async def test_nobody_waits_for_ever_for_a_layer_that_hangs(
    serving: Callable[[], Publisher], wire: Wire, change: Change
) -> None:
    change(CONTROL_TIMEOUT=0.05)
    publisher = serving()
    wire.go.clear()
    await soon(database.run(publish, Evict("1", NOTES)))
    await soon(publisher.submit_all([Batch([Disconnection(user="1")], None)]))
    await soon(publisher.drain())
    assert wire.sent == []


async def test_draining_waits_for_all_that_was_submitted(serving: Callable[[], Publisher], wire: Wire) -> None:
    publisher = serving()
    wire.go.clear()
    await note(1, 2, 3)
    draining = asyncio.create_task(publisher.drain())
    await asyncio.sleep(0)
    wire.go.set()
    await soon(draining)
    assert wire.numbers == [1, 2, 3]
    assert await database.run(left) == 0


async def test_while_the_layer_is_down_writes_succeed_and_durable_events_come_in_order_when_it_is_back(
    serving: Callable[[], Publisher], wire: Wire, change: Change
) -> None:
    change(RELAY_GRACE=0)
    publisher = serving()
    wire.is_down = True
    await note(1)
    await until(lambda: publisher.is_down)
    await database.run(publish, Push(NOTES, Tick(number=99)))
    await note(*range(2, 10))
    await soon(database.run(publish, Evict("1", NOTES)))
    assert wire.sent == []
    assert await database.run(left) == 10

    wire.is_down = False
    await until(lambda: not publisher.is_down)
    await empty()
    await note(10)
    await until(lambda: len(wire.sent) == 11)
    evicted = wire.sent.pop(9)
    assert isinstance(evicted, CONTROLS)
    assert wire.numbers == list(range(1, 11))


async def test_what_is_durable_needs_no_database_on_the_loop(serving: Callable[[], Publisher], wire: Wire) -> None:
    serving()
    for number in range(30):
        publish(Push(NOTES, Noted(number=number)))
    await until(lambda: len(wire.sent) == 30)
    assert wire.numbers == list(range(30))


async def test_what_is_durable_and_could_not_be_sent_from_the_loop_goes_into_the_outbox(
    serving: Callable[[], Publisher], wire: Wire
) -> None:
    publisher = serving()
    wire.is_down = True
    publish(Push(NOTES, Noted(number=1)))
    await until(lambda: publisher.is_down)
    publish(Push(NOTES, Noted(number=2)), Push(NOTES, Tick(number=99)))
    async with asyncio.timeout(10):
        while not await database.run(left):  # noqa: ASYNC110 -- the database sets no event
            await asyncio.sleep(0.01)
    wire.is_down = False
    await until(lambda: not publisher.is_down)
    assert wire.numbers == [1, 2]
    await empty()


async def test_what_the_loop_told_in_an_outage_comes_before_what_was_told_later(
    serving: Callable[[], Publisher], wire: Wire, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the database takes the later one first."""
    change(RELAY_GRACE=60)
    publisher = serving()
    wire.is_down = True
    publish(Push(NOTES, Noted(number=1)))
    await until(lambda: publisher.is_down)
    gate, put_behind = threading.Event(), outbox.put_behind

    def wait(left: Any, **more: Any) -> list[int]:
        assert gate.wait(10)
        return put_behind(left, **more)

    monkeypatch.setattr("realtime.outbox.put_behind", wait)
    publish(Push(NOTES, Noted(number=2)))
    await note(3)
    publish(Push(NOTES, Noted(number=4)))
    gate.set()
    wire.is_down = False
    await until(lambda: not publisher.is_down)
    await empty()
    assert wire.numbers == [1, 2, 3, 4]


async def test_what_was_relayed_meanwhile_is_not_put_into_the_outbox_again(wire: Wire) -> None:
    async def batch(number: int) -> Batch:
        publication = Push(NOTES, Noted(number=number)).publication()
        assert publication is not None
        entry = await database.run(outbox.keep, [publication], grace=60)
        return Batch([publication], entry)

    first, second = await batch(1), await batch(2)
    assert first.entry is not None
    await database.run(outbox.forget, [first.entry])
    await database.run(outbox.put_behind, [(each.durable, each.entry) for each in (first, second)], grace=0)
    kept = await database.run(lambda: [bytes(entry.body) for entry in OutboxEntry.objects.all()])
    assert len(kept) == 1
    assert b'"number":2' in kept[0]


async def test_what_neither_the_layer_nor_the_database_takes_waits_within_bounds(
    serving: Callable[[], Publisher],
    wire: Wire,
    change: Change,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def away(*arguments: object, **more: object) -> int:
        raise OperationalError("the database is away")

    change(PUBLISH_QUEUE=5)
    monkeypatch.setattr("realtime.outbox.put_behind", away)
    publisher = serving()
    wire.is_down = True
    publish(Push(NOTES, Noted(number=0)))
    await until(lambda: publisher.is_down)
    for number in range(1, 8):
        publish(Push(NOTES, Noted(number=number)))
    assert "some are lost" in caplog.text
    monkeypatch.undo()
    wire.is_down = False
    await until(lambda: wire.numbers == [0, 1, 2, 3, 4])
    await until(lambda: not publisher.is_down)


async def test_a_server_that_ends_keeps_what_it_could_not_send(serving: Callable[[], Publisher], wire: Wire) -> None:
    publisher = Publisher(wire)
    publisher.submit(Batch([made for made in [Push(NOTES, Noted(number=1)).publication()] if made], None))
    running = asyncio.create_task(publisher.run())
    wire.is_down = True
    await soon(publisher.drain())
    running.cancel()
    assert await database.run(left) == 1


async def test_it_sends_directly_again_only_when_the_outbox_is_worked_off(
    serving: Callable[[], Publisher], wire: Wire
) -> None:
    publisher = serving()
    wire.is_down = True
    publish(Push(NOTES, Tick(number=1)))
    await until(lambda: publisher.is_down)
    wire.is_down = False
    await note(2)
    await until(lambda: not publisher.is_down)
    assert publisher.grace > 0
    assert wire.numbers == [2]


async def test_a_queue_that_is_full_leaves_what_is_durable_to_the_outbox(
    serving: Callable[[], Publisher], wire: Wire, change: Change
) -> None:
    change(PUBLISH_QUEUE=2, RELAY_GRACE=0.5)
    publisher = serving()
    wire.go.clear()
    await note(*range(8))
    assert publisher.is_down
    wire.go.set()
    await empty()
    assert set(wire.numbers) == set(range(8))
    await until(lambda: not publisher.is_down)


async def test_a_publisher_whose_loop_has_ended_leaves_all_to_the_outbox(caplog: pytest.LogCaptureFixture) -> None:
    def serve_for_a_moment() -> Publisher:
        async def make() -> Publisher:
            return Publisher(Wire())

        return asyncio.run(make())

    publisher = await asyncio.to_thread(serve_for_a_moment)
    await asyncio.to_thread(publisher.take, Batch([Disconnection(user="1")], None))
    assert "the server is stopping" in caplog.text


def rename(old: str, new: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")


async def test_what_could_not_be_taken_out_of_the_outbox_is_taken_out_later(
    wire: Wire, caplog: pytest.LogCaptureFixture, change: Change
) -> None:
    publisher = Publisher(wire)
    set_courier(publisher)
    sending = asyncio.create_task(publisher.run())
    try:
        await note(1)
        await until(lambda: wire.numbers == [1])
        await database.run(rename, "realtime_outboxentry", "away")
        await publisher.flush()
        await database.run(rename, "away", "realtime_outboxentry")
        assert "stay in the outbox for now" in caplog.text
        assert await database.run(left) == 1
        await publisher.flush()
        assert await database.run(left) == 0
    finally:
        set_courier(None)
        sending.cancel()
        await asyncio.wait([sending])


async def test_a_probe_tells_whether_the_layer_works(wire: Wire, change: Change) -> None:
    publisher = Publisher(wire)
    await publisher.probe()
    wire.is_down = True
    with pytest.raises(ConnectionError):
        await publisher.probe()


# -- defects ------------------------------------------------------------------------------------------


async def test_the_event_that_met_the_failure_comes_before_those_after_it(
    serving: Callable[[], Publisher], wire: Wire, change: Change
) -> None:
    change(RELAY_GRACE=1)
    publisher = serving()
    wire.is_down = True
    await note(1)
    await until(lambda: publisher.is_down)
    await note(2, 3)
    wire.is_down = False
    await until(lambda: not publisher.is_down)
    await note(4)
    await empty()
    assert wire.numbers == [1, 2, 3, 4]


async def test_what_a_full_queue_refused_comes_after_what_is_in_it(
    serving: Callable[[], Publisher], wire: Wire, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(PUBLISH_QUEUE=5)
    publisher = serving()
    taken: list[list[int]] = []
    take_unsent = publisher.take_unsent

    def noted() -> list[int]:
        taken.append(take_unsent())
        return taken[-1]

    monkeypatch.setattr(publisher, "take_unsent", noted)
    wire.go.clear()
    await note(*range(6))  # one is being sent, five wait
    await note(6)  # refused
    assert publisher.is_down
    await note(7)
    before = len(taken)
    await until(lambda: len(taken) > before + 2)
    assert not any(taken[before:]), "the relay would send them now"
    wire.go.set()
    await empty()
    assert wire.numbers == list(range(8))
