"""What the bench asks: one durable event for a room, and the same message back; neither has a rate."""

from bench.events import Spoken
from bench.rooms import BenchRoom
from realtime.commands import Payload, command
from realtime.publishing import Push, publish
from realtime.sessions import Session


class Speak(Payload):
    """A message of about 110 bytes; `ts` is the sender's monotonic clock in nanoseconds."""

    room: str
    seq: int
    ts: int
    user: str
    text: str

    def told(self) -> Spoken:
        """The same as an event."""
        return Spoken(room=self.room, seq=self.seq, ts=self.ts, user=self.user, text=self.text)


@command("bench.speak")
async def speak(session: Session, data: Speak) -> None:
    """Tell everybody in the room."""
    publish(Push(BenchRoom(data.room), data.told()))


@command("bench.echo")
async def echo(session: Session, data: Speak) -> Spoken:
    """Tell who asked."""
    return data.told()
