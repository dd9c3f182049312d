"""Durable events from the event loop, and presence, at the end of a server."""

import asyncio
from typing import Any

import pytest

from realtime import database
from realtime.models import OutboxEntry
from realtime.presence import Announcer
from realtime.presence_redis import RedisPresence
from realtime.publisher import Publisher
from realtime.publishing import Push, publish, set_courier
from tests.lab.events import Noted
from tests.lab.rooms import LabRoom
from tests.realtime.waiting import soon, until
from tests.realtime.wire import Wire
from tests.services import Redis

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]
NOTES = LabRoom("notes")


def kept() -> list[int]:
    """The numbers of the notes in the outbox, in order."""
    numbers: list[int] = []
    for entry in OutboxEntry.objects.order_by("pk"):
        numbers += [int(part.split(b"}")[0]) for part in bytes(entry.body).split(b'"number":')[1:]]
    return numbers


async def test_what_is_durable_survives_an_end_while_the_layer_hangs(settings: Any) -> None:
    settings.REALTIME = {**settings.REALTIME, "RELAY_INTERVAL": 0.01, "CONTROL_TIMEOUT": 0.1}
    wire = Wire()
    publisher = Publisher(wire)
    set_courier(publisher)
    running = asyncio.create_task(publisher.run())
    wire.go.clear()  # Redis takes the connection and says nothing
    publish(Push(NOTES, Noted(number=1)))
    await until(lambda: bool(publisher._in_hand))
    publish(Push(NOTES, Noted(number=2)))
    publish(Push(NOTES, Noted(number=3)))
    await soon(publisher.drain())  # as a process does when it stops
    set_courier(None)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await database.run(kept) == [1, 2, 3]


async def test_presence_can_be_closed_while_its_claims_are_being_settled(redis_server: Redis) -> None:
    announcer = Announcer()
    presence = RedisPresence(announcer, redis_server.url)
    presence._tell("1", "token", online=True)
    announcer._pending.clear()
    settling = asyncio.create_task(presence._settle_claims())
    await asyncio.sleep(0)
    results = await asyncio.gather(presence.close(), settling, return_exceptions=True)
    assert list(results) == [None, None]
    await presence._loop_client.aclose()
