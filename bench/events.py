"""What the bench tells."""

from realtime.events import DURABLE, Event


class Spoken(Event, wire="bench.spoken", policy=DURABLE):
    """A message as it came; `ts` is the sender's monotonic clock in nanoseconds."""

    room: str
    seq: int
    ts: int
    user: str
    text: str
