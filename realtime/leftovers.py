"""What a server could not send, on its way to the relay."""

import asyncio
import logging

from django.db import Error as DatabaseError

from realtime import database, outbox
from realtime.conf import conf
from realtime.couriers import Batch

logger = logging.getLogger(__name__)


class Leftovers:
    """Batches that were not sent: what is durable of them stays in the outbox, or gets there, in their order."""

    def __init__(self) -> None:
        self._entries: list[int] = []  # of the outbox, to be released to the relay
        self._unkept: list[Batch] = []  # not in the outbox, or there before one that was left earlier
        self._unkept_any = asyncio.Event()
        self._keeping = asyncio.Lock()

    def __bool__(self) -> bool:
        return bool(self._entries or self._unkept)

    def add(self, batch: Batch) -> None:
        """Settled as soon as what is durable of it is in the outbox."""
        has_room = len(self._unkept) < conf().publish_queue
        if not batch.durable:
            batch.settle()
            return
        if has_room and (batch.entry is None or batch.is_cut or self._unkept):
            self._unkept.append(batch)
            self._unkept_any.set()
        elif batch.entry is not None:
            self._entries.append(batch.entry)
        else:
            logger.error("neither the channel layer nor the database takes events: some are lost")
            batch.settle()
        if batch.entry is not None:
            batch.settle()

    def take_entries(self) -> list[int]:
        """Those that the relay may take from now on."""
        entries, self._entries = self._entries, []
        return entries

    def give_back(self, entries: list[int]) -> None:
        """The relay could not take them."""
        self._entries = entries + self._entries

    async def run(self) -> None:
        """Put into the outbox what is not there, for ever."""
        while True:
            await self._unkept_any.wait()
            try:
                await self.keep()
            except DatabaseError as error:
                logger.warning("events that could not be sent are not in the outbox yet: %r", error)
                await asyncio.sleep(conf().relay_interval)

    async def keep(self) -> None:
        """Put into the outbox what is not there, to be released as all entries are; DatabaseError if that is away."""
        async with self._keeping:
            while batches := list(self._unkept):
                left = [(batch.durable, batch.entry) for batch in batches]
                entries = await database.run(outbox.put_behind, left, grace=conf().relay_grace)
                self._entries += entries
                del self._unkept[: len(batches)]
                for batch in batches:
                    batch.settle()
            self._unkept_any.clear()

    async def hand_over(self) -> None:
        """The end: put all into the outbox, for whichever relay is next; DatabaseError if that is away."""
        while self:
            await self.keep()
            await database.run(outbox.release, self.take_entries())

    @property
    def unkept(self) -> int:
        """How many durable events exist nowhere but here."""
        return sum(len(batch.durable) for batch in self._unkept if batch.entry is None)
