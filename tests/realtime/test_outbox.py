"""The outbox: what waits there is sent in order, once it is due, by one relay at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from django.db import connection, transaction
from pytest_django import Settings

from realtime import database, outbox
from realtime.models import OutboxEntry
from realtime.outbox import ADVISORY_LOCK, Relay
from realtime.publications import Eviction, Publication, delivery
from realtime.publisher import Publisher
from realtime.publishing import Push, publish
from tests.lab.events import Noted, Tick
from tests.lab.rooms import LabRoom
from tests.realtime.waiting import soon, until
from tests.realtime.wire import Wire
from tests.services import on_sqlite

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True), pytest.mark.sqlite]
Relaying = Callable[..., Wire]
postgresql = pytest.mark.skipif(on_sqlite(), reason="needs PostgreSQL")


@pytest.fixture(autouse=True)
def short(settings: Settings) -> None:
    settings.REALTIME = {**settings.REALTIME, "RELAY_INTERVAL": 0.01}


def noted(number: int) -> Publication:
    publication = delivery([LabRoom("notes")], Noted(number=number))
    assert publication is not None
    return publication


def leave(*numbers: int, grace: float = 0) -> list[int]:
    """What a process leaves that crashed between its commit and the send."""
    return [outbox.keep([noted(number)], grace=grace) for number in numbers]


def left() -> int:
    return OutboxEntry.objects.count()


@pytest_asyncio.fixture
async def relaying() -> AsyncIterator[Relaying]:
    """`relaying()`: the wire of a server whose relay runs."""
    tasks: list[asyncio.Task[None]] = []

    def start(wire: Wire | None = None) -> Wire:
        wire = wire or Wire()
        tasks.append(asyncio.create_task(Relay(Publisher(wire)).run()))
        return wire

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def empty() -> None:
    async with asyncio.timeout(10):
        while await database.run(left):  # noqa: ASYNC110 -- the database sets no event
            await asyncio.sleep(0.01)


async def test_what_is_left_is_sent_in_the_order_of_writing_and_then_gone(relaying: Relaying) -> None:
    await database.run(leave, *range(50))
    wire = relaying()
    await empty()
    assert wire.numbers == list(range(50))


async def test_more_than_one_pass_can_take_comes_in_order_too(
    relaying: Relaying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.outbox.BATCH", 7)
    await database.run(leave, *range(50))
    wire = relaying()
    await empty()
    assert wire.numbers == list(range(50))


async def test_one_entry_may_hold_several_publications(relaying: Relaying) -> None:
    evicted = Eviction(user="1", room="lab:notes")
    kept = [noted(1), evicted, noted(2)]
    await database.run(outbox.keep, kept, grace=0)
    wire = relaying()
    await empty()
    assert wire.sent == kept


async def test_what_is_in_its_grace_is_left_to_who_wrote_it(relaying: Relaying) -> None:
    kept = await database.run(leave, 1, grace=3600)
    await database.run(leave, 2)
    wire = relaying()
    await until(lambda: wire.numbers == [2])
    async with asyncio.timeout(10):
        while await database.run(left) > 1:  # noqa: ASYNC110 -- the database sets no event
            await asyncio.sleep(0.01)
    assert await database.run(lambda: list(OutboxEntry.objects.values_list("pk", flat=True))) == kept


async def test_what_was_sent_is_forgotten_before_its_grace_is_over(relaying: Relaying) -> None:
    kept = await database.run(leave, 1, 2, grace=3600)
    await database.run(outbox.forget, kept[:1])
    assert await database.run(left) == 1


async def test_what_has_expired_is_dropped(relaying: Relaying, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tick, "ttl", -1.0)  # older than it may be, from the first moment on
    stale = delivery([LabRoom("notes")], Tick(number=1))
    monkeypatch.setattr(Tick, "ttl", 3600.0)
    fresh = delivery([LabRoom("notes")], Tick(number=2))
    assert stale is not None
    assert fresh is not None
    await database.run(outbox.keep, [stale, fresh], grace=0)
    await database.run(outbox.keep, [stale], grace=0)
    wire = relaying()
    await empty()
    assert wire.numbers == [2]


async def test_a_process_that_cannot_send_leaves_every_event_to_the_relay(relaying: Relaying) -> None:
    """A worker or a command without Redis."""
    await database.run(publish, Push(LabRoom("notes"), Noted(number=1)))
    await database.run(publish, Push(LabRoom("notes"), Tick(number=2)))
    wire = relaying()
    await empty()
    assert wire.numbers == [1, 2]


async def test_nothing_is_lost_while_the_layer_is_down(relaying: Relaying, caplog: pytest.LogCaptureFixture) -> None:
    await database.run(leave, 1, 2)
    wire = Wire()
    wire.is_down = True
    relaying(wire)
    await until(lambda: "the relay could not send" in caplog.text)
    assert await database.run(left) == 2
    wire.is_down = False
    await empty()
    assert wire.numbers == [1, 2]


def rename(old: str, new: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")


async def test_trouble_with_the_database_does_not_end_the_relay(
    relaying: Relaying, caplog: pytest.LogCaptureFixture
) -> None:
    await database.run(leave, 1)
    await database.run(rename, "realtime_outboxentry", "away")
    try:
        wire = relaying()
        await until(lambda: "the relay could not send" in caplog.text)
    finally:
        await database.run(rename, "away", "realtime_outboxentry")
    await empty()
    assert wire.numbers == [1]


async def test_a_send_that_hangs_does_not_end_the_relay(
    relaying: Relaying, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("realtime.outbox.SEND_TIMEOUT", 0.05)
    wire = Wire()
    wire.go.clear()
    await database.run(leave, 1)
    relaying(wire)
    await until(lambda: "the relay could not send" in caplog.text)
    wire.go.set()
    await empty()
    assert set(wire.numbers) == {1}


@postgresql
async def test_two_relays_at_once_neither_reorder_nor_lose_nor_double(
    relaying: Relaying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.outbox.BATCH", 5)
    shared = Wire()
    for _ in range(3):
        relaying(shared)
    for start in range(0, 200, 20):
        await database.run(leave, *range(start, start + 20))
    await soon(empty())
    assert shared.numbers == list(range(200))


@postgresql
async def test_a_relay_leaves_all_to_another_that_is_at_it(relaying: Relaying, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[bool] = []
    ask = Relay._is_the_only_one

    def noted() -> bool:
        answers.append(ask())
        return answers[-1]

    monkeypatch.setattr(Relay, "_is_the_only_one", staticmethod(noted))
    held, done = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold_the_lock() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
            loop.call_soon_threadsafe(held.set)
            asyncio.run_coroutine_threadsafe(done.wait(), loop).result(10)

    holding = asyncio.create_task(database.run(hold_the_lock))
    await soon(held.wait())
    await database.run(leave, 1)
    wire = relaying()
    await until(lambda: len(answers) > 3)
    assert not any(answers)
    assert wire.numbers == []
    done.set()
    await soon(holding)
    await empty()
    assert wire.numbers == [1]


async def test_an_entry_tells_its_number() -> None:
    assert str(OutboxEntry(pk=7)) == "outbox entry 7"


# -- defects ------------------------------------------------------------------------------------------


async def test_an_entry_of_another_version_is_passed_over(relaying: Relaying) -> None:
    def leave_nonsense() -> None:
        (unreadable,) = leave(0)
        OutboxEntry.objects.filter(pk=unreadable).update(body=b'[{"kind":"of the future"}]')
        leave(1)

    await database.run(leave_nonsense)
    wire = relaying()
    await until(lambda: wire.numbers == [1])


async def test_a_send_that_hung_is_not_sent_again_when_it_went_through(
    relaying: Relaying, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("realtime.outbox.SEND_TIMEOUT", 0.05)
    wire = Wire()
    wire.go.clear()
    await database.run(leave, 1)
    relaying(wire)
    await until(lambda: "the relay could not send" in caplog.text)
    wire.go.set()
    await empty()
    assert wire.numbers == [1]


async def test_a_relay_that_waits_for_the_layer_keeps_nobody_from_writing(
    relaying: Relaying, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite, where only one writes at a time, it kept all writers waiting for as long as a send may take."""
    monkeypatch.setattr("realtime.outbox.SEND_TIMEOUT", 60)
    wire = Wire()
    wire.go.clear()
    await database.run(leave, 1)
    relaying(wire)
    try:
        await soon(wire.asked.wait())
        await soon(database.run(leave, 2))
        assert wire.sent == []
    finally:
        wire.go.set()
    await empty()
    assert wire.numbers == [1, 2]
