"""What the bench asks: one durable event for a room, the same message back, a slow query; none has a rate."""

import sqlite3
import time

from django.db import connection

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


class Query(Payload):
    """How long the query takes."""

    seconds: float


@command("bench.query")
def query(session: Session, data: Query) -> None:
    """A slow query, as PostgreSQL's `pg_sleep` is one; SQLite has a function of that name from us."""
    connection.ensure_connection()
    if isinstance(connection.connection, sqlite3.Connection):
        connection.connection.create_function("pg_sleep", 1, time.sleep)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [data.seconds])
