"""Handlers that are slow, that fail, and that publish in every way."""

import asyncio
import time
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from chat import services
from realtime import database
from realtime.commands import Payload, Reply, command
from realtime.errors import ClientError
from realtime.publishing import Disconnect, Evict, Push, publish
from realtime.rooms import GlobalRoom, UserRoom
from realtime.sessions import Session
from tests.lab.events import Gauge, Noted, Tick
from tests.lab.rooms import LabRoom


class Number(Payload):
    number: int


class Say(Payload):
    conversation_id: UUID
    text: str


class Echo(Reply):
    number: int


@command("lab.echo", rate="3/m")
async def echo(session: Session, data: Number) -> Echo:
    return Echo(number=data.number)


@command("lab.clock")
async def tell_the_time(session: Session) -> Echo:
    """What this process takes for the time."""
    return Echo(number=int(time.time()))


@command("lab.slow")
def run_slow_query(session: Session, data: Number) -> Echo:
    """Returns when the test lets go of the advisory lock of that number."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s), pg_advisory_unlock(%s)", [data.number, data.number])
    return Echo(number=data.number)


@command("lab.rollback")
def say_and_roll_back(session: Session, data: Say) -> None:
    with transaction.atomic():
        services.send_message(sender_id=session.user.id, conversation_id=data.conversation_id, text=data.text)
        transaction.set_rollback(True)


@command("lab.crash")
def crash(session: Session) -> None:
    raise RuntimeError("secret detail of the database")


@command("lab.note")
def note(session: Session, data: Number) -> Echo:
    publish(Push(LabRoom("notes"), Noted(number=data.number)))
    return Echo(number=data.number)


@command("lab.tick")
async def tick(session: Session, data: Number) -> None:
    publish(Push(LabRoom("notes"), Tick(number=data.number)))


@command("lab.durableFromLoop")
async def publish_durable_from_loop(session: Session) -> None:
    publish(Push(LabRoom("notes"), Noted(number=0)))


@command("lab.noteOnLoop")
async def note_on_loop(session: Session, data: Number) -> Echo:
    publish(Push(LabRoom("notes"), Noted(number=data.number)))
    return Echo(number=data.number)


@command("lab.noteTwice")
async def note_twice(session: Session, data: Number) -> None:
    """On the loop, and then in a transaction."""
    publish(Push(LabRoom("notes"), Noted(number=data.number)))
    await database.run(publish, Push(LabRoom("notes"), Noted(number=data.number + 1)))


@command("lab.evictOnLoop")
async def evict_on_loop(session: Session) -> None:
    publish(Evict(session.user.id, LabRoom("notes")))


@command("lab.everywhere")
def tell_many_rooms(session: Session, data: Number) -> None:
    publish(Push([LabRoom("notes"), UserRoom(session.user.id), GlobalRoom()], Noted(number=data.number)))


@command("lab.self")
def tell_self(session: Session, data: Number) -> Echo:
    session.send(Gauge(name="self", value=data.number))
    session.join(LabRoom("joined"))
    session.leave(LabRoom("left"))
    return Echo(number=data.number)


@command("lab.kick")
def kick(session: Session) -> None:
    publish(Disconnect(session.user.id))


# -- what Socket.IO clients ask at /lab ---------------------------------------------------------------


class Anything(Payload):
    """The arguments of an event, binary ones in base64."""

    args: list[Any] = []


class Said(Reply):
    args: list[Any]


gates: dict[int, asyncio.Event] = {}
"""What `lab.hold` waits for."""


@command("lab.say", public=True)
async def say(session: Session, data: Anything) -> Said:
    return Said(args=data.args)


@command("lab.hold", public=True)
async def hold(session: Session, data: Number) -> Echo:
    """Returns when the test lets go of the gate of that number."""
    gate = gates.get(data.number)
    if gate is None:
        raise ClientError("NOT_FOUND", "there is no such gate")
    await gate.wait()
    return Echo(number=data.number)


@command("lab.noteAndHold")
async def note_and_hold(session: Session, data: Number) -> None:
    """Opens the gate of that number, and never returns."""
    publish(Push(LabRoom("notes"), Noted(number=data.number)))
    gates[data.number].set()
    await asyncio.Event().wait()


@command("lab.ask", public=True)
async def ask(session: Session, data: Number) -> Said:
    """Asks the client something, and returns what it answers."""
    return Said(args=await session.ask(Gauge(name="asked", value=data.number)))


@command("lab.burst", public=True)
async def tell_many(session: Session, data: Number) -> None:
    """Tells the client alone, so many times."""
    for number in range(data.number):
        session.send(Gauge(name="burst", value=number))
