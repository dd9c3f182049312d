"""The publications not yet sent, kept in the transaction that caused them; and the relay that sends them."""

import asyncio
import itertools
import logging
import time
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now
from redis.exceptions import RedisError

from realtime import database
from realtime.conf import conf
from realtime.models import OutboxEntry
from realtime.publications import Publication, decode_publications
from realtime.redis_wire import RefusedError

if TYPE_CHECKING:
    from realtime.publisher import Publisher

logger = logging.getLogger(__name__)

BATCH: Final = 500  # entries of one pass of the relay
SEND_TIMEOUT: Final = 10  # seconds for one pass to be sent
RETRY_GRACE: Final = 60  # seconds until an entry is tried again that another version wrote, or that Redis refused
ADVISORY_LOCK: Final = 0x7265616C  # any number that nobody else uses: the letters "real"
_encode: Final = msgspec.json.Encoder().encode


def keep(publications: Sequence[Publication], *, grace: float) -> int:
    """Write them down in the current transaction; a relay leaves them alone for `grace` seconds."""
    # The database's clock: the writer's host and the relay's may differ.
    entry = OutboxEntry(body=_encode(publications), ready_at=Now() + timedelta(seconds=grace))
    entry.save(force_insert=True)
    return int(entry.pk)


def put_behind(left: Sequence[tuple[Sequence[Publication], int | None]], *, grace: float) -> list[int]:
    """Write them down in this order behind all there is; one that has an entry leaves its place.

    Returns their entries; a relay leaves those alone for `grace` seconds.
    """
    places = [entry for _, entry in left if entry is not None]
    with transaction.atomic():
        there = set(OutboxEntry.objects.select_for_update().filter(pk__in=places).values_list("pk", flat=True))
        forget(list(there))
        made = OutboxEntry.objects.bulk_create(
            OutboxEntry(body=_encode(publications), ready_at=Now() + timedelta(seconds=grace))
            for publications, entry in left
            if entry is None or entry in there
        )
    return [int(entry.pk) for entry in made]


def release(ids: Sequence[int]) -> None:
    """A relay may take them at once: who wrote them could not send them."""
    OutboxEntry.objects.filter(pk__in=ids).update(ready_at=Now())


def forget(ids: Sequence[int]) -> None:
    """They were sent."""
    OutboxEntry.objects.filter(pk__in=ids).delete()


class Relay:
    """Sends what other processes left in the outbox, and what a crashed one could not send any more.

    In the order of writing, by one process at a time, at least once.
    """

    def __init__(self, publisher: "Publisher") -> None:
        self._publisher = publisher
        self._loop = asyncio.get_running_loop()

    async def run(self) -> None:
        """Look every `relay_interval` seconds, for ever."""
        while True:
            await asyncio.sleep(conf().relay_interval)
            try:
                await self._whole(asyncio.ensure_future(database.run(self._pass, self._publisher.take_unsent())))
            except (DatabaseError, TimeoutError, OSError, RedisError) as error:
                logger.warning("the relay could not send; the events stay in the outbox: %r", error)
                await asyncio.sleep(1)

    @staticmethod
    async def _whole(running: "asyncio.Future[None]") -> None:
        """Return when the pass is done; if this is cancelled, too, though not for long."""
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            with suppress(DatabaseError, TimeoutError, OSError, RedisError):
                await asyncio.wait_for(running, conf().control_timeout)
            raise

    def _pass(self, unsent: list[int]) -> None:
        if unsent:
            self._release(unsent)
        due = OutboxEntry.objects.filter(ready_at__lte=Now()).order_by("pk")
        if due.exists():
            with _while_sending():
                if self._is_the_only_one():
                    self._send(list(due[:BATCH]))
        else:
            self._loop.call_soon_threadsafe(self._publisher.resume)

    def _release(self, unsent: list[int]) -> None:
        try:
            release(unsent)
        except DatabaseError:
            self._loop.call_soon_threadsafe(self._publisher.left.give_back, unsent)
            raise

    def _send(self, entries: list[OutboxEntry]) -> None:
        readable = {entry.pk: publications for entry in entries if (publications := _read(entry)) is not None}
        sending = asyncio.run_coroutine_threadsafe(
            self._publisher.send([publication for body in readable.values() for publication in body]), self._loop
        )
        try:
            sending.result(SEND_TIMEOUT)
        except TimeoutError:
            sending.cancel()
            raise
        except RefusedError as error:
            logger.exception("some events are refused; they wait")
            _keep_refused(readable, error.indices)
        else:
            forget(list(readable))

    @staticmethod
    def _is_the_only_one() -> bool:
        """Whether no other process relays now: two at once would mix up the order."""
        if connection.vendor != "postgresql":
            return True  # without PostgreSQL there is one server process
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ADVISORY_LOCK])
            return bool(cursor.fetchone()[0])


def _while_sending() -> AbstractContextManager[object]:
    """The transaction that holds the lock of `_is_the_only_one`, where there is such a lock.

    Not on SQLite: it has one writer at a time, and all others would wait for a layer that hangs.
    """
    return transaction.atomic() if connection.vendor == "postgresql" else nullcontext()


def _keep_refused(sent: dict[int, list[Publication]], refused: Collection[int]) -> None:
    """Of what was sent keep only what was refused, to be tried again later."""
    numbers = itertools.count()
    for pk, publications in sent.items():
        left = [publication for publication in publications if next(numbers) in refused]
        if left:
            OutboxEntry.objects.filter(pk=pk).update(body=_encode(left), ready_at=_later())
        else:
            forget([pk])


def _later() -> CombinedExpression:
    return Now() + timedelta(seconds=RETRY_GRACE)


def _read(entry: OutboxEntry) -> list[Publication] | None:
    """What of it has not expired; None, and another try later, if only another version can read it."""
    try:
        publications = decode_publications(entry.body)
    except msgspec.DecodeError:
        logger.exception("this version cannot read %s; it waits for one that can", entry)
        OutboxEntry.objects.filter(pk=entry.pk).update(ready_at=_later())
        return None
    now = time.time()
    return [
        publication for publication in publications if publication.expires_at is None or publication.expires_at > now
    ]
