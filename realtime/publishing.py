"""From a change to the wire: an outbox row inside the transaction, the send after its commit."""

from contextvars import ContextVar
from threading import Lock

from django.db import transaction

from realtime import outbox
from realtime.conf import conf
from realtime.couriers import Batch, Courier, OutboxCourier, RedisCourier
from realtime.database import on_event_loop
from realtime.intents import Admit, Disconnect, Evict, Intent, Push, Void

__all__ = ["Admit", "Disconnect", "Evict", "Held", "Intent", "Push", "Void", "courier", "publish", "set_courier"]

_courier: Courier | None = None
_held: ContextVar["Held | None"] = ContextVar("held", default=None)


def set_courier(courier: Courier | None) -> None:
    """Choose how this process sends; None: by `REDIS_URL`, at the next publish."""
    global _courier  # noqa: PLW0603 -- one a process, like the loop it belongs to
    _courier = courier


def courier() -> Courier:
    """How this process sends."""
    if _courier is None:
        set_courier(RedisCourier.connect(conf().redis_url) if conf().redis_url else OutboxCourier())
    assert _courier is not None
    return _courier


def publish(*intents: Intent) -> None:
    """Send after the commit of the current transaction, if it commits; at once if there is none.

    In a command's handler: after its reply, or before it if who hears what changes. On the event loop (an `async
    def` handler) there is no transaction, and what is durable goes into the outbox only if it cannot be sent. Never
    raises for a Redis that is away.
    """
    publications = [publication for intent in intents if (publication := intent.publication()) is not None]
    if not publications:
        return
    carrier = courier()
    if on_event_loop():
        if not carrier.keeps and any(publication.durable for publication in publications):
            raise RuntimeError("outside a server a durable event needs the database: publish it in a thread")
        _hand_over(carrier, Batch(publications, entry=None))
        return
    kept = publications if not carrier.sends else [p for p in publications if p.durable]
    entry = outbox.keep(kept, grace=carrier.grace) if kept else None
    batch = Batch(publications, entry)
    # robust: trouble with the sending must never turn a committed write into an error.
    transaction.on_commit(lambda: _hand_over(carrier, batch), robust=True)


def _hand_over(carrier: Courier, batch: Batch) -> None:
    held = _held.get()
    if held is None or not held.add(batch):
        carrier.take(batch)


class Held:
    """What is published in one context waits here (for a command's reply to go first), until that is over."""

    __slots__ = ("_is_over", "_lock", "_token", "batches")

    def __enter__(self) -> list[Batch]:
        self.batches: list[Batch] = []
        self._is_over = False
        self._lock = Lock()
        self._token = _held.set(self)
        return self.batches

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._is_over = True  # for a task or a thread that goes on in a copy of the context
        _held.reset(self._token)

    def add(self, batch: Batch) -> bool:
        """From any thread; False if it is over."""
        with self._lock:
            if not self._is_over:
                self.batches.append(batch)
            return not self._is_over
