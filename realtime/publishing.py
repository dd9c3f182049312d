"""From a change to the wire: an outbox row inside the transaction, the send after its commit.

How a process sends is its courier: a server has its `Publisher`; any other process writes to
Redis itself, or without Redis leaves everything in the outbox for the server's relay.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from channels.layers import BaseChannelLayer
from django.db import Error as DatabaseError
from django.db import transaction
from redis.exceptions import RedisError

from realtime import database, outbox
from realtime.conf import conf
from realtime.events import Event
from realtime.publications import (
    CONTROLS,
    Admission,
    Disconnection,
    Eviction,
    Publication,
    delivery,
    encode_publication,
)
from realtime.rooms import Room

if TYPE_CHECKING:
    from realtime.layer_redis import Sender

logger = logging.getLogger(__name__)

MESSAGE_TYPE: Final = "realtime.publication"
LAYER_ERRORS: Final = (OSError, RedisError)
"""What a channel layer raises when it is down: ours the first, channels_redis the second."""


@dataclass(frozen=True, slots=True)
class Push:
    """Tell the event to everybody in the room, or in any of the rooms (once each), but `exclude`."""

    rooms: Room | Iterable[Room]
    event: Event
    exclude: Iterable[str] = ()

    def publication(self) -> Publication | None:
        """Encoded; None if there is no room to tell it in."""
        rooms = (self.rooms,) if isinstance(self.rooms, Room) else self.rooms
        return delivery(rooms, self.event, map(str, self.exclude))


@dataclass(frozen=True, slots=True)
class Admit:
    """Let the user's live connections into the room."""

    user: object
    room: Room

    def publication(self) -> Publication:
        """As it travels."""
        return Admission(user=str(self.user), room=self.room.address)


@dataclass(frozen=True, slots=True)
class Evict:
    """Take the user's live connections out of the room; nothing more of it reaches them."""

    user: object
    room: Room

    def publication(self) -> Publication:
        """As it travels."""
        return Eviction(user=str(self.user), room=self.room.address)


@dataclass(frozen=True, slots=True)
class Disconnect:
    """End the user's live connections, but those whose token is of the generation `keep`."""

    user: object
    keep: str | None = None

    def publication(self) -> Publication:
        """As it travels."""
        return Disconnection(user=str(self.user), keep=self.keep)


Intent = Push | Admit | Evict | Disconnect


@dataclass(slots=True)
class Batch:
    """What one `publish` has to send once its transaction is committed."""

    publications: Sequence[Publication]
    entry: int | None  # the outbox entry that holds the durable ones
    settled: Future[None] = field(default_factory=Future)  # sent, or left to the outbox

    @property
    def is_urgent(self) -> bool:
        """Whether it changes who hears, so that nothing may overtake it."""
        return any(isinstance(publication, CONTROLS) for publication in self.publications)


class Courier(Protocol):
    """How a process gets publications to the servers."""

    sends: bool  # False: everything stays in the outbox
    grace: float  # seconds for which the outbox is left to this process

    def take(self, batch: Batch) -> None:
        """Send it, or leave it in the outbox; never raises. Called in any thread, after the commit."""


class Outbox:
    """The courier of a process that has neither clients nor Redis: a server's relay takes it all."""

    sends = False
    grace = 0.0

    def take(self, batch: Batch) -> None:
        """Nothing to do: it is in the outbox."""


_courier: Courier | None = None
_held: ContextVar[list[Batch] | None] = ContextVar("held", default=None)


def set_courier(courier: Courier | None) -> None:
    """Choose how this process sends; None: by `REDIS_URL`, at the next publish."""
    global _courier  # noqa: PLW0603 -- one a process, like the loop it belongs to
    _courier = courier


def courier() -> Courier:
    """How this process sends."""
    if _courier is None:
        set_courier(RedisCourier.connect(conf().redis_url) if conf().redis_url else Outbox())
    assert _courier is not None
    return _courier


def publish(*intents: Intent) -> None:
    """Send after the commit of the current transaction, if it commits; at once if there is none.

    On the event loop (an `async def` handler) only what is not durable may be published, since the
    outbox is a table. Never raises for a Redis that is away.
    """
    publications = [publication for intent in intents if (publication := intent.publication()) is not None]
    if not publications:
        return
    carrier = courier()
    if _on_event_loop():
        _publish_from_loop(carrier, publications)
        return
    kept = publications if not carrier.sends else [p for p in publications if p.durable]
    entry = outbox.keep(kept, grace=carrier.grace) if kept else None
    batch = Batch(publications, entry)
    # robust: trouble with the sending must never turn a committed write into an error.
    transaction.on_commit(lambda: _hand_over(carrier, batch), robust=True)


def _on_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _publish_from_loop(carrier: Courier, publications: list[Publication]) -> None:
    if any(publication.durable for publication in publications):
        raise RuntimeError("a durable event needs the database: publish it from a `def` handler or a service")
    carrier.take(Batch(publications, entry=None))


def _hand_over(carrier: Courier, batch: Batch) -> None:
    held = _held.get()
    if held is None:
        carrier.take(batch)
    else:
        held.append(batch)


def hold(held: list[Batch]) -> None:
    """From here on in this context, batches wait in this list (for a command's reply to go first)."""
    _held.set(held)


class RedisCourier:
    """The courier of a command, a worker or a shell: publishes to Redis itself, synchronously."""

    sends = True

    def __init__(self, sender: "Sender") -> None:
        self._sender = sender

    @classmethod
    def connect(cls, url: str) -> "RedisCourier":
        """With one connection for this process."""
        from realtime.layer_redis import Sender  # noqa: PLC0415 -- no redis without REDIS_URL

        return cls(Sender(url))

    @property
    def grace(self) -> float:
        """None while Redis is away: the servers' relay takes over at once."""
        return conf().relay_grace if self._sender.is_up else 0.0

    def take(self, batch: Batch) -> None:
        """Publish; what cannot be published stays in the outbox."""
        messages = [(p.group, message(p)) for p in batch.publications]
        if self._sender.send(messages) and batch.entry is not None:
            try:
                outbox.forget([batch.entry])
            except DatabaseError:
                logger.warning("sent, but not taken out of the outbox: clients may get it again", exc_info=True)


def message(publication: Publication) -> dict[str, object]:
    """The channel-layer message: one single type, since Channels turns types into method names."""
    return {"type": MESSAGE_TYPE, "body": encode_publication(publication)}


class Publisher:
    """The courier of a server process: one task sends in order through the channel layer."""

    sends = True

    def __init__(self, layer: BaseChannelLayer) -> None:
        self._layer = layer
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Batch] = asyncio.Queue(conf().publish_queue)
        self._sent: list[int] = []
        self._is_down = False

    @property
    def is_down(self) -> bool:
        """Whether the channel layer failed and the outbox has not been worked off since."""
        return self._is_down

    @property
    def grace(self) -> float:
        """None while the layer is down, so that the relay sends in order when it is back."""
        return 0.0 if self._is_down else conf().relay_grace

    def take(self, batch: Batch) -> None:
        """From any thread; waits for an urgent one, `control_timeout` at most."""
        if _on_event_loop():
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
        try:
            if self._is_down:
                raise asyncio.QueueFull
            self._queue.put_nowait(batch)
        except asyncio.QueueFull:
            batch.settled.set_result(None)
            self._go_down("the publish queue is full")

    async def submit_all(self, batches: Sequence[Batch]) -> None:
        """On the loop; returns when all are settled, after `control_timeout` at most."""
        for batch in batches:
            self.submit(batch)
        await asyncio.wait(
            [asyncio.wrap_future(batch.settled) for batch in batches], timeout=conf().control_timeout
        )

    async def run(self) -> None:
        """Send what is submitted, for ever."""
        while True:
            batch = await self._queue.get()
            try:
                await self.send(batch.publications)
            except LAYER_ERRORS as error:
                self._go_down(repr(error))
            else:
                if batch.entry is not None:
                    self._sent.append(batch.entry)
            finally:
                batch.settled.set_result(None)
                self._queue.task_done()

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
            await self._layer.group_send(publication.group, message(publication))

    def resume(self) -> None:
        """The outbox has been worked off: send directly again."""
        if self._is_down and self._queue.empty():
            self._is_down = False
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
