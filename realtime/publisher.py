"""The courier of a server process. The only user of `group_send`."""

import asyncio
import itertools
import logging
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol, runtime_checkable

from channels.layers import BaseChannelLayer
from django.db import Error as DatabaseError
from redis.exceptions import RedisError

from realtime import database, outbox
from realtime.bridge import Bridge
from realtime.conf import conf
from realtime.couriers import Batch, Routes, message
from realtime.leftovers import Leftovers
from realtime.publications import Publication
from realtime.redis_wire import RefusedError

logger = logging.getLogger(__name__)

LAYER_ERRORS: Final = (OSError, RedisError)
"""What a channel layer raises when it is down: ours the first, channels_redis the second."""
TOGETHER: Final = 200  # batches in one round trip


@runtime_checkable
class SendsMany(Protocol):
    """A channel layer that sends several messages in one round trip; ours on Redis does."""

    async def group_send_many(self, messages: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """In order. RefusedError tells which were refused, and that all others were sent."""


class Publisher:
    """One task sends in order through the channel layer, all that waits at once."""

    sends = True
    keeps = True

    def __init__(self, layer: BaseChannelLayer) -> None:
        self._layer = layer
        self._many = layer if isinstance(layer, SendsMany) else None
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Batch] = asyncio.Queue(conf().publish_queue)
        self._routes = Routes()
        self._sent: list[int] = []
        self.left = Leftovers()
        self.bridge = Bridge()
        self._in_hand: Sequence[Batch] = ()  # being sent
        self._is_down = False  # nothing more is queued until the outbox has been worked off
        self._has_failed = False  # nor is what is queued already sent: it would overtake what failed

    @property
    def is_down(self) -> bool:
        """Whether the channel layer failed, or was too slow, and the outbox has not been worked off since."""
        return self._is_down

    @property
    def grace(self) -> float:
        """So long others leave this process's entries to it; it releases those itself that it cannot send."""
        return conf().relay_grace

    def take(self, batch: Batch) -> None:
        """From any thread; waits for an urgent one, `control_timeout` at most."""
        if self._is_here():
            self.submit(batch)
            return
        settled = batch.awaited() if batch.is_urgent else None
        try:
            self._loop.call_soon_threadsafe(self.submit, batch)
        except RuntimeError:
            logger.warning("the server is stopping: what is durable stays in the outbox")
            return
        if settled is not None:
            with suppress(TimeoutError):
                settled.result(conf().control_timeout)

    def _is_here(self) -> bool:
        """Whether this is the loop's thread. One that runs another loop is as any other."""
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    def submit(self, batch: Batch) -> None:
        """On the loop. What is durable and cannot be queued stays in the outbox."""
        if not self._is_down and self._queue.full():
            self._go_down("the publish queue is full")
        if self._is_down:
            self.left.add(batch)
        else:
            self._queue.put_nowait(batch)

    async def submit_all(self, batches: Sequence[Batch]) -> bool:
        """On the loop; returns when all are settled, after `control_timeout` at most: whether all that matters is."""
        settled = [batch.awaited() for batch in batches]
        for batch in batches:
            self.submit(batch)
        await asyncio.wait(map(asyncio.wrap_future, settled), timeout=conf().control_timeout)
        return all(
            future.done() or batch.entry is not None or not batch.durable
            for batch, future in zip(batches, settled, strict=True)
        )

    async def run(self) -> None:
        """Send what is submitted, for ever."""
        while True:
            batches = [await self._queue.get()]
            while len(batches) < TOGETHER and not self._queue.empty():
                batches.append(self._queue.get_nowait())
            self._in_hand = batches
            await self._send_batches(batches)
            for _ in batches:
                self._queue.task_done()

    async def _send_batches(self, batches: Sequence[Batch]) -> None:
        unsent = batches if self._has_failed else await self._unsent(batches)
        for batch in self._put_down():
            if batch in unsent:
                self.left.add(batch)
            else:
                self._settle(batch)

    async def _unsent(self, batches: Sequence[Batch]) -> Collection[Batch]:
        """Send them; those are returned that could not be."""
        try:
            await self.send([publication for batch in batches for publication in batch.publications])
        except RefusedError as error:
            logger.exception("some events are refused; what is durable of them waits in the outbox")
            if refused := _cut(batches, error.indices):
                return refused
            self._fail(error)
        except LAYER_ERRORS as error:
            self._fail(error)
        else:
            return ()
        return batches

    def _fail(self, error: Exception) -> None:
        self._has_failed = True
        self._go_down(repr(error))

    def _put_down(self) -> Sequence[Batch]:
        batches, self._in_hand = self._in_hand, ()
        return batches

    def _settle(self, batch: Batch) -> None:
        if batch.entry is not None:
            self._sent.append(batch.entry)
        batch.settle()

    def take_unsent(self) -> list[int]:
        """The entries left to the relay; none yet while earlier ones wait in the queue."""
        if self._in_hand or not self._queue.empty():
            return []
        return self.left.take_entries()

    async def drain(self) -> None:
        """The end: send all that was submitted, for `control_timeout` at most; the rest is left to the outbox."""
        try:
            async with asyncio.timeout(conf().control_timeout):
                await self._queue.join()
        except TimeoutError:
            self._go_down("the server ends")
            for batch in self._put_down():
                self.left.add(batch)
            while not self._queue.empty():
                self.left.add(self._queue.get_nowait())
        self._is_down = True  # what is told from here on goes where the rest went
        await self.flush()
        try:
            await self.left.hand_over()
        except DatabaseError:
            logger.exception("neither Redis nor the database takes durable events: %s are lost", self.left.unkept)

    def _go_down(self, reason: str) -> None:
        if not self._is_down:
            self._is_down = True
            logger.warning("not sending directly: durable events wait in the outbox, others are dropped (%s)", reason)

    async def send(self, publications: Sequence[Publication]) -> None:
        """Through the layer, in order; one of LAYER_ERRORS if it is down."""
        messages = [(self._routes.group(publication), message(publication)) for publication in publications]
        try:
            if self._many is not None:
                await self._many.group_send_many(messages)
            else:
                for group, one in messages:
                    await self._layer.group_send(group, one)
        except RefusedError as error:
            self.bridge.take([one for index, one in enumerate(publications) if index not in error.indices])
            raise
        self.bridge.take(publications)

    def resume(self) -> None:
        """The outbox has been worked off: send directly again."""
        if self._is_down and not self.left and self._queue.empty():
            self._is_down = self._has_failed = False
            logger.info("sending directly again")

    async def tidy(self) -> None:
        """Take out of the outbox what was sent, for ever, a few times a second."""
        while True:
            await asyncio.sleep(conf().relay_interval)
            await self.flush()

    async def flush(self) -> None:
        """Take out of the outbox what was sent."""
        ids, self._sent = self._sent, []
        if not ids:
            return
        try:
            await database.run(outbox.forget, ids)
        except DatabaseError as error:
            self._sent = ids + self._sent
            logger.warning("sent events stay in the outbox for now: %r", error)

    async def probe(self) -> None:
        """Send to nobody; one of LAYER_ERRORS if the layer is down."""
        await self._layer.group_send("probe", {"type": "realtime.probe"})


def _cut(batches: Sequence[Batch], refused: Collection[int]) -> Collection[Batch]:
    """Those of which something was refused, cut down to that; none if all of it was."""
    numbers = itertools.count()
    left = [[index for index, _ in enumerate(batch.publications) if next(numbers) in refused] for batch in batches]
    if next(numbers) == len(refused):
        return ()
    for batch, indices in zip(batches, left, strict=True):
        if 0 < len(indices) < len(batch.publications):
            batch.cut(indices)
    return {batch for batch, indices in zip(batches, left, strict=True) if indices}
