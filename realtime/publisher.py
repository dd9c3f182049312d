"""The courier of a server process. The only user of `group_send`."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from channels.layers import BaseChannelLayer
from django.db import Error as DatabaseError
from redis.exceptions import RedisError

from realtime import database, outbox
from realtime.conf import conf
from realtime.couriers import Batch, Routes, message
from realtime.publications import Publication

logger = logging.getLogger(__name__)

LAYER_ERRORS: Final = (OSError, RedisError)
"""What a channel layer raises when it is down: ours the first, channels_redis the second."""


class Publisher:
    """One task sends in order through the channel layer."""

    sends = True

    def __init__(self, layer: BaseChannelLayer) -> None:
        self._layer = layer
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Batch] = asyncio.Queue(conf().publish_queue)
        self._routes = Routes()
        self._sent: list[int] = []
        self._unsent: list[int] = []
        self._is_sending = False
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
        if database.on_event_loop():
            self.submit(batch)
            return
        try:
            self._loop.call_soon_threadsafe(self.submit, batch)
        except RuntimeError:
            logger.warning("the server is stopping: what is durable stays in the outbox")
            return
        if batch.is_urgent:
            with suppress(TimeoutError):
                batch.settled.result(conf().control_timeout)

    def submit(self, batch: Batch) -> None:
        """On the loop. What is durable and cannot be queued stays in the outbox."""
        if not self._is_down and self._queue.full():
            self._go_down("the publish queue is full")
        if self._is_down:
            self._leave(batch)
        else:
            self._queue.put_nowait(batch)

    async def submit_all(self, batches: Sequence[Batch]) -> None:
        """On the loop; returns when all are settled, after `control_timeout` at most."""
        for batch in batches:
            self.submit(batch)
        await asyncio.wait([asyncio.wrap_future(batch.settled) for batch in batches], timeout=conf().control_timeout)

    async def run(self) -> None:
        """Send what is submitted, for ever."""
        while True:
            batch = await self._queue.get()
            self._is_sending = True
            await self._send_batch(batch)
            self._is_sending = False
            self._queue.task_done()

    async def _send_batch(self, batch: Batch) -> None:
        if self._has_failed:
            self._leave(batch)
            return
        try:
            await self.send(batch.publications)
        except LAYER_ERRORS as error:
            self._has_failed = True
            self._go_down(repr(error))
            self._leave(batch)
        else:
            if batch.entry is not None:
                self._sent.append(batch.entry)
            batch.settled.set_result(None)

    def _leave(self, batch: Batch) -> None:
        """To the relay, if it is durable; what is not is dropped."""
        if batch.entry is not None:
            self._unsent.append(batch.entry)
        batch.settled.set_result(None)

    def take_unsent(self) -> list[int]:
        """The entries left to the relay; none yet while earlier ones wait in the queue."""
        if self._is_sending or not self._queue.empty():
            return []
        unsent, self._unsent = self._unsent, []
        return unsent

    async def drain(self) -> None:
        """Return when all that was submitted is settled, after `control_timeout` at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(conf().control_timeout):
                await self._queue.join()
        await self.flush()

    def _go_down(self, reason: str) -> None:
        if not self._is_down:
            self._is_down = True
            logger.warning("not sending directly: durable events wait in the outbox, others are dropped (%s)", reason)

    async def send(self, publications: Sequence[Publication]) -> None:
        """Through the layer, in order; one of LAYER_ERRORS if it is down."""
        for publication in publications:
            await self._layer.group_send(self._routes.group(publication), message(publication))

    def resume(self) -> None:
        """The outbox has been worked off: send directly again."""
        if self._is_down and not self._unsent and self._queue.empty():
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
