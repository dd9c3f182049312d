"""What the bench asks: one durable event for a room, without a rate."""

from bench.events import Spoken
from bench.rooms import BenchRoom
from realtime.commands import Payload, command
from realtime.publishing import Push, publish
from realtime.sessions import Session


class Speak(Payload):
    """What to tell in which room."""

    room: str
    number: int
    sent_at: float
    text: str


@command("bench.speak")
def speak(session: Session, data: Speak) -> None:
    """Tell it."""
    publish(Push(BenchRoom(data.room), Spoken(number=data.number, sent_at=data.sent_at, text=data.text)))
