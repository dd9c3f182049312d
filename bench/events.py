"""What the bench tells."""

from realtime.events import DURABLE, Event


class Spoken(Event, wire="bench.spoken", policy=DURABLE):
    """A message of about the size that people send; `sent_at` is the sender's monotonic clock."""

    number: int
    sent_at: float
    text: str
