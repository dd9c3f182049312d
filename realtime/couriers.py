"""How a process gets publications to the servers: in the outbox, or by Redis; a server has its `Publisher`."""

import logging
import time
from collections.abc import Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from django.db import Error as DatabaseError

from realtime import bridge, outbox
from realtime.conf import conf
from realtime.publications import CONTROLS, EVERY_PROCESS, Admission, Delivery, Publication, encode_publication

if TYPE_CHECKING:
    from realtime.layer_redis import Sender

logger = logging.getLogger(__name__)

MESSAGE_TYPE: Final = "realtime.publication"
FRESH: Final = 5.0  # seconds for every process to subscribe to a room that somebody was let into


@dataclass(slots=True, eq=False)
class Batch:
    """What one `publish` has to send once its transaction is committed."""

    publications: Sequence[Publication]
    entry: int | None  # the outbox entry that holds the durable ones, if they are there
    settled: Future[None] | None = None  # done when it was sent, or left to the outbox, for who waits for that
    is_cut: bool = False  # the entry holds more than this: what has been sent

    @property
    def is_urgent(self) -> bool:
        """Whether it changes who hears, so that nothing may overtake it."""
        return any(isinstance(publication, CONTROLS) for publication in self.publications)

    @property
    def durable(self) -> list[Publication]:
        """What of it must survive this process."""
        return [publication for publication in self.publications if publication.durable]

    def awaited(self) -> Future[None]:
        """What is done when it is settled; to be asked for before it is handed over."""
        if self.settled is None:
            self.settled = Future()
        return self.settled

    def settle(self) -> None:
        """It was sent, or is the outbox's matter."""
        if self.settled is not None and not self.settled.done():
            self.settled.set_result(None)

    def cut(self, indices: Collection[int]) -> None:
        """Only these of its publications are left to be sent."""
        self.publications = [self.publications[index] for index in sorted(indices)]
        self.is_cut = True


class Courier(Protocol):
    """How a process gets publications to the servers."""

    @property
    def sends(self) -> bool:
        """False: everything stays in the outbox."""

    @property
    def keeps(self) -> bool:
        """Whether it puts into the outbox by itself what is durable, is not there, and could not be sent."""

    @property
    def grace(self) -> float:
        """Seconds for which the outbox is left to this process."""

    def take(self, batch: Batch) -> None:
        """Send it, or leave it in the outbox; never raises. Called in any thread, after the commit."""


class Routes:
    """Which group a publication travels by.

    For a moment after an admission, what is told in that room goes to all processes: one that is
    only just subscribing to the room would miss it.
    """

    def __init__(self) -> None:
        self._fresh: dict[str, float] = {}  # room -> until when, by time.monotonic

    def group(self, publication: Publication) -> str:
        """The channel-layer group."""
        now = time.monotonic()
        if isinstance(publication, Admission):
            self._fresh = {room: until for room, until in self._fresh.items() if until > now}
            self._fresh[publication.room] = now + FRESH
        elif isinstance(publication, Delivery) and self._fresh.get(publication.rooms[0], 0) > now:
            return EVERY_PROCESS
        return publication.group


class OutboxCourier:
    """The courier of a process that has neither clients nor Redis: a server's relay takes it all."""

    sends = keeps = False
    grace = 0.0

    def take(self, batch: Batch) -> None:
        """Nothing to do: it is in the outbox."""


def message(publication: Publication) -> dict[str, Any]:
    """The channel-layer message: one single type, since Channels turns types into method names."""
    return {"type": MESSAGE_TYPE, "body": encode_publication(publication)}


class RedisCourier:
    """The courier of a command, a worker or a shell: publishes to Redis itself, synchronously."""

    sends = True
    keeps = False

    def __init__(self, sender: "Sender") -> None:
        self._sender = sender
        self._routes = Routes()

    @classmethod
    def connect(cls, url: str) -> "RedisCourier":
        """With one connection for this process."""
        from realtime.layer_redis import Sender  # noqa: PLC0415 -- no redis without REDIS_URL

        return cls(Sender(url))

    @property
    def grace(self) -> float:
        """Zero while Redis is away: the servers' relay takes over at once."""
        return conf().relay_grace if self._sender.is_up else 0.0

    def take(self, batch: Batch) -> None:
        """Publish; what cannot be published stays in the outbox."""
        messages = [(self._routes.group(p), message(p)) for p in batch.publications]
        is_sent = self._sender.send(messages)
        if is_sent:
            bridge.pass_on(batch.publications)
        settle = outbox.forget if is_sent else outbox.release
        if batch.entry is not None:
            try:
                settle([batch.entry])
            except DatabaseError:
                logger.warning("the outbox could not be kept up to date: clients may get an event again", exc_info=True)
