"""Durable events from the event loop, and presence, at the end of a server."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import redis

from realtime import database
from realtime.models import OutboxEntry
from realtime.outbox import Relay
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


@pytest.fixture
def change(settings: Any) -> Callable[..., None]:
    def configure(**values: object) -> None:
        settings.REALTIME = {**settings.REALTIME, **values}

    configure(RELAY_INTERVAL=0.01)
    return configure


def kept() -> list[int]:
    numbers: list[int] = []
    for entry in OutboxEntry.objects.order_by("pk"):
        body = bytes(entry.body)
        numbers += [int(part.split(b"}")[0]) for part in body.split(b'"number":')[1:]]
    return numbers


async def test_what_is_durable_survives_an_end_while_the_layer_hangs(change: Callable[..., None]) -> None:
    """An `async def` handler told it: it is in nobody's database yet."""
    change(CONTROL_TIMEOUT=0.1)
    wire = Wire()
    publisher = Publisher(wire)
    set_courier(publisher)
    running = asyncio.create_task(publisher.run())
    wire.go.clear()  # Redis takes the connection and says nothing
    publish(Push(NOTES, Noted(number=1)))
    await asyncio.sleep(0.01)
    publish(Push(NOTES, Noted(number=2)))
    publish(Push(NOTES, Noted(number=3)))
    await soon(publisher.drain())  # as Process.stop does
    set_courier(None)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await database.run(kept) == [1, 2, 3]


async def test_what_was_told_first_is_told_first_after_an_outage(change: Callable[..., None]) -> None:
    """From the loop, then in a transaction: the second is in the outbox before the first."""
    wire = Wire()
    publisher = Publisher(wire)
    set_courier(publisher)
    running = asyncio.create_task(publisher.run())
    wire.is_down = True
    publish(Push(NOTES, Noted(number=1)))
    await until(lambda: publisher.is_down)
    await database.run(publish, Push(NOTES, Noted(number=2)))
    await asyncio.sleep(0.05)
    wire.is_down = False
    relay = asyncio.create_task(Relay(publisher).run())
    try:
        await until(lambda: len(wire.sent) == 2)
        assert wire.numbers == [1, 2]
    finally:
        set_courier(None)
        for task in (running, relay):
            task.cancel()
        await asyncio.gather(running, relay, return_exceptions=True)


async def test_presence_closes_while_its_claims_are_being_settled(redis_server: Redis) -> None:
    """`Process.stop` closes presence first and cancels its loop last."""
    presence = RedisPresence(Announcer(), redis_server.url)
    presence._tell("1", "token", online=True)
    presence._announcer._pending.clear()
    looping = asyncio.create_task(presence._settle_claims())  # of `run`
    await asyncio.sleep(0)
    results = await asyncio.gather(presence.close(), looping, return_exceptions=True)
    assert results == [None, None]
    await presence._loop_client.aclose()


async def test_the_relay_does_not_tell_the_others_again_and_again_for_one_that_is_refused(
    change: Callable[..., None],
) -> None:
    class Refusing(Wire):
        async def group_send_many(self, messages: Any) -> None:
            refused = False
            for group, message in messages:
                if b'"number":2' in message["body"]:
                    refused = True
                else:
                    await super().group_send(group, message)
            if refused:
                raise ConnectionError("Redis refuses: NOPERM")

    wire = Refusing()
    publisher = Publisher(wire)
    set_courier(publisher)
    tasks = [asyncio.create_task(publisher.run()), asyncio.create_task(Relay(publisher).run())]
    for number in (1, 2, 3):
        await database.run(publish, Push(NOTES, Noted(number=number)))
    await asyncio.sleep(4.5)
    set_courier(None)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert wire.numbers.count(3) <= 2, wire.numbers
