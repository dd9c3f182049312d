"""How a process gets publications to the servers: in the outbox, or by Redis; a server has its `Publisher`."""

import logging
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from django.db import Error as DatabaseError

from realtime import outbox
from realtime.conf import conf
from realtime.publications import CONTROLS, Publication, encode_publication

if TYPE_CHECKING:
    from realtime.layer_redis import Sender

logger = logging.getLogger(__name__)

MESSAGE_TYPE: Final = "realtime.publication"


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

    @property
    def sends(self) -> bool:
        """False: everything stays in the outbox."""

    @property
    def grace(self) -> float:
        """Seconds for which the outbox is left to this process."""

    def take(self, batch: Batch) -> None:
        """Send it, or leave it in the outbox; never raises. Called in any thread, after the commit."""


class OutboxCourier:
    """The courier of a process that has neither clients nor Redis: a server's relay takes it all."""

    sends = False
    grace = 0.0

    def take(self, batch: Batch) -> None:
        """Nothing to do: it is in the outbox."""


def message(publication: Publication) -> dict[str, object]:
    """The channel-layer message: one single type, since Channels turns types into method names."""
    return {"type": MESSAGE_TYPE, "body": encode_publication(publication)}


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
