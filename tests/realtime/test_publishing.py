"""From a change to the wire: after the commit or not at all, by the courier that the process has."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from pytest_django import Settings

from realtime import publishing
from realtime.couriers import Batch, OutboxCourier, RedisCourier
from realtime.models import OutboxEntry
from realtime.publications import Admission, Delivery, Disconnection, Eviction, Voiding, decode_publications
from realtime.publishing import Admit, Disconnect, Evict, Held, Push, courier, publish, set_courier
from realtime.rooms import GlobalRoom
from tests.lab.events import Gauge, Noted, Tick
from tests.lab.rooms import LabRoom
from tests.services import Redis

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite]
NOTES = LabRoom("notes")


class Recorder:
    """A courier that keeps what it is given, as a server's would send it."""

    sends = True
    keeps = False
    grace = 3600.0

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def take(self, batch: Batch) -> None:
        self.batches.append(batch)

    @property
    def numbers(self) -> list[int]:
        deliveries = [p for batch in self.batches for p in batch.publications if isinstance(p, Delivery)]
        return [int(bytes(delivery.data).partition(b":")[2].rstrip(b"}")) for delivery in deliveries]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    set_courier(made)
    yield made
    set_courier(None)


@pytest.fixture(autouse=True)
def undecided() -> Iterator[None]:
    """No test has chosen a courier for another."""
    set_courier(None)
    yield
    set_courier(None)


def note(number: int) -> None:
    publish(Push(NOTES, Noted(number=number)))


def left() -> list[object]:
    entries = OutboxEntry.objects.order_by("pk")
    return [publication for entry in entries for publication in decode_publications(entry.body)]


def test_without_a_transaction_it_is_sent_at_once(recorder: Recorder) -> None:
    note(1)
    assert recorder.numbers == [1]


def test_in_a_transaction_it_is_sent_after_the_commit_in_order(recorder: Recorder) -> None:
    with transaction.atomic():
        note(1)
        with transaction.atomic():
            note(2)
        note(3)
        assert recorder.numbers == []
        assert len(left()) == 3
    assert recorder.numbers == [1, 2, 3]


def test_what_is_rolled_back_is_never_sent_and_leaves_nothing(recorder: Recorder) -> None:
    with transaction.atomic():
        note(1)
        transaction.set_rollback(True)
    assert (recorder.numbers, left()) == ([], [])


def test_what_a_savepoint_takes_back_is_never_sent(recorder: Recorder) -> None:
    with transaction.atomic():
        note(1)
        with transaction.atomic():
            note(2)
            transaction.set_rollback(True)
        note(3)
    assert recorder.numbers == [1, 3]
    assert len(left()) == 2


def test_only_what_is_durable_is_written_down_by_a_process_that_sends(recorder: Recorder) -> None:
    publish(Push(NOTES, Noted(number=1)), Push(NOTES, Tick(number=2)), Push(NOTES, Gauge(name="g", value=3)))
    publish(Push(NOTES, Tick(number=4)))
    assert [batch.entry is not None for batch in recorder.batches] == [True, False]
    assert len(left()) == 1


def test_a_process_that_cannot_send_writes_everything_down() -> None:
    assert isinstance(courier(), OutboxCourier)
    publish(Push(NOTES, Tick(number=1)), Admit("1", NOTES), Evict("1", NOTES), Disconnect("1", keep="g"))
    tick, *controls = left()
    assert isinstance(tick, Delivery)
    assert tick.expires_at is not None
    assert controls == [
        Admission(user="1", room="lab:notes"),
        Eviction(user="1", room="lab:notes"),
        Disconnection(user="1", keep="g"),
    ]


def test_trouble_with_the_courier_does_not_undo_the_write(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(batch: Batch) -> None:
        raise RuntimeError("no luck")

    monkeypatch.setattr(recorder, "take", fail)
    with transaction.atomic():
        note(1)
    assert len(left()) == 1
    assert "no luck" in caplog.text


def test_nothing_to_tell_is_nothing_to_send(recorder: Recorder) -> None:
    publish()
    publish(Push([], Noted(number=1)))
    assert (recorder.batches, left()) == ([], [])


def test_a_push_names_each_room_once_and_whom_to_leave_out(recorder: Recorder) -> None:
    publish(Push((room for room in (NOTES, GlobalRoom(), NOTES)), Gauge(name="g", value=1), exclude={"7"}))
    (delivery,) = recorder.batches[0].publications
    assert isinstance(delivery, Delivery)
    assert delivery.rooms == ("lab:notes", "global:all")
    assert (delivery.exclude, delivery.policy, delivery.key) == (frozenset({"7"}), "latest", "g")


@pytest.mark.asyncio
async def test_on_a_loop_that_serves_nobody_only_what_is_not_durable_may_be_published(recorder: Recorder) -> None:
    publish(Push(NOTES, Tick(number=1)))
    assert recorder.numbers == [1]
    for intent in (Push(NOTES, Noted(number=2)), Evict("1", NOTES), Disconnect("1")):
        with pytest.raises(RuntimeError, match="needs the database"):
            publish(intent)
    assert recorder.numbers == [1]


def test_what_is_held_waits_in_its_list_and_only_in_that_context(recorder: Recorder) -> None:
    with Held() as held:
        note(1)
        later = copy_context()  # of a task that was begun there, say
    note(2)
    later.run(note, 3)
    assert recorder.numbers == [2, 3]
    assert [batch.entry is not None for batch in held] == [True]


def test_controls_are_urgent_and_events_are_not() -> None:
    assert Batch([Eviction(user="1", room="r")], None).is_urgent
    assert Batch([Voiding(room="r")], None).is_urgent
    delivery = Push(NOTES, Noted(number=1)).publication()
    assert delivery is not None
    assert not Batch([delivery], None).is_urgent
    assert Batch([delivery, Disconnection(user="1")], None).is_urgent


# -- by Redis, outside of a server -------------------------------------------------------------------


@pytest.fixture
def on_redis(settings: Settings, redis_server: Redis) -> Redis:
    settings.REALTIME = {**settings.REALTIME, "REDIS_URL": redis_server.url}
    return redis_server


def test_with_redis_it_is_published_and_leaves_the_outbox(on_redis: Redis) -> None:
    assert isinstance(courier(), RedisCourier)
    assert courier() is courier()
    with transaction.atomic():
        note(1)
        assert len(left()) == 1
    assert left() == []


def test_while_redis_is_away_writes_succeed_and_a_relay_may_send_at_once(on_redis: Redis) -> None:
    note(1)
    on_redis.kill()
    with transaction.atomic():
        note(2)
    note(3)
    publish(Push(NOTES, Tick(number=4)))
    assert courier().grace == 0
    due = OutboxEntry.objects.filter(ready_at__lte=Now())
    assert due.count() == 2


def test_what_was_sent_but_could_not_be_taken_out_is_only_warned_of(
    on_redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    carrier = courier()
    note(1)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE realtime_outboxentry RENAME TO away")
    try:
        carrier.take(Batch([Disconnection(user="1")], 1))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO realtime_outboxentry")
    assert [record.levelno for record in caplog.records if record.name == "realtime.couriers"] == [logging.WARNING]


def test_threads_share_the_courier(recorder: Recorder) -> None:
    def in_thread(number: int) -> None:
        try:
            note(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(in_thread, range(20)))
    assert sorted(recorder.numbers) == list(range(20))
    assert publishing.courier() is recorder


@pytest.mark.parametrize(
    "intent",
    [partial(Admit, "1", NOTES), partial(Evict, "1", NOTES), partial(Disconnect, "1")],
    ids=lambda p: p.func.__name__,
)
def test_every_change_of_who_hears_is_kept_in_the_outbox(recorder: Recorder, intent: Callable[[], Admit]) -> None:
    publish(intent())
    assert recorder.batches[0].entry is not None
    assert recorder.batches[0].is_urgent
