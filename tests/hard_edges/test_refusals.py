"""A Redis that works, and refuses some of what it is asked to publish."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import redis

from realtime import database, outbox
from realtime.couriers import Batch
from realtime.layer_redis import RedisLayer, _topic
from realtime.models import OutboxEntry
from realtime.outbox import Relay
from realtime.publications import Delivery, Publication, decode_publication
from realtime.publisher import Publisher
from realtime.publishing import Push
from realtime.redis_wire import RefusedError
from realtime.rooms import group
from tests.hard_edges.fake_redis import FakeRedis, Reply
from tests.lab.events import Noted
from tests.lab.rooms import LabRoom
from tests.realtime.waiting import soon
from tests.services import Redis

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]
ALLOWED, FORBIDDEN = LabRoom("notes"), LabRoom("other")


def noted(room: LabRoom, number: int) -> Publication:
    publication = Push(room, Noted(number=number)).publication()
    assert publication is not None
    return publication


@pytest.fixture
def limited(redis_server: Redis) -> str:
    """The address of a Redis whose user may publish to one room alone."""
    topics = [f"&{_topic(group(ALLOWED.address))}", f"&{_topic('probe')}"]
    with redis.Redis.from_url(redis_server.url) as client:
        client.execute_command("ACL", "SETUSER", "limited", "on", ">secret", "~*", "+@all", "resetchannels", *topics)
    return f"redis://limited:secret@{redis_server.url.partition('@')[2]}"


@pytest_asyncio.fixture
async def layer(limited: str) -> AsyncIterator[RedisLayer]:
    layer = RedisLayer(limited)
    yield layer
    await layer.close()


@pytest_asyncio.fixture
async def heard(redis_server: Redis) -> AsyncIterator[asyncio.Queue[int]]:
    """What is told in the allowed room."""
    listening = RedisLayer(redis_server.url)
    channel = await listening.new_channel()
    await listening.group_add(group(ALLOWED.address), channel)
    numbers: asyncio.Queue[int] = asyncio.Queue()

    async def hear() -> None:
        while True:
            told = decode_publication((await listening.receive(channel))["body"])
            assert isinstance(told, Delivery)
            numbers.put_nowait(int(bytes(told.data).partition(b'"number":')[2].rstrip(b"}")))

    hearing = asyncio.create_task(hear())
    yield numbers
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)
    await listening.close()


def entries() -> list[bytes]:
    return [bytes(entry.body) for entry in OutboxEntry.objects.order_by("pk")]


async def test_of_several_messages_only_those_that_are_refused_are_not_sent(
    layer: RedisLayer, heard: asyncio.Queue[int]
) -> None:
    publisher = Publisher(layer)
    with pytest.raises(RefusedError) as caught:
        await publisher.send([noted(ALLOWED, 1), noted(FORBIDDEN, 2), noted(ALLOWED, 3)])
    assert caught.value.indices == {1}
    assert [await soon(heard.get()), await soon(heard.get())] == [1, 3]


async def test_the_relay_sends_the_others_once_and_keeps_what_is_refused(
    layer: RedisLayer, heard: asyncio.Queue[int], settings: Any
) -> None:
    settings.REALTIME = {**settings.REALTIME, "RELAY_INTERVAL": 0.01}
    await database.run(outbox.keep, [noted(ALLOWED, 1), noted(FORBIDDEN, 2)], grace=0)
    await database.run(outbox.keep, [noted(ALLOWED, 3)], grace=0)
    publisher = Publisher(layer)
    relaying = asyncio.create_task(Relay(publisher).run())
    assert [await soon(heard.get()), await soon(heard.get())] == [1, 3]
    await database.run(outbox.keep, [noted(ALLOWED, 4)], grace=0)  # sent by a later pass than the refused one
    assert await soon(heard.get()) == 4
    relaying.cancel()
    await asyncio.gather(relaying, return_exceptions=True)
    (kept,) = await database.run(entries)
    assert b'"number":2' in kept
    assert b'"number":1' not in kept


async def test_the_publisher_goes_on_and_leaves_what_is_refused_to_the_outbox(
    layer: RedisLayer, heard: asyncio.Queue[int]
) -> None:
    publisher = Publisher(layer)
    refused = Batch([noted(FORBIDDEN, 2)], None)
    settled = asyncio.wrap_future(refused.awaited())
    for batch in (Batch([noted(ALLOWED, 1)], None), refused, Batch([noted(ALLOWED, 3)], None)):
        publisher.submit(batch)
    working = [asyncio.create_task(publisher.run()), asyncio.create_task(publisher.left.run())]
    await soon(settled)
    assert [await soon(heard.get()), await soon(heard.get())] == [1, 3]
    assert not publisher.is_down
    (kept,) = await database.run(entries)
    assert b'"number":2' in kept
    for task in working:
        task.cancel()
    await asyncio.gather(*working, return_exceptions=True)


@pytest.mark.parametrize("is_kept", [False, True])
async def test_what_stands_beside_something_refused_is_told_once(
    layer: RedisLayer, heard: asyncio.Queue[int], settings: Any, is_kept: bool
) -> None:
    settings.REALTIME = {**settings.REALTIME, "RELAY_INTERVAL": 0.01}
    both = [noted(ALLOWED, 1), noted(FORBIDDEN, 2)]
    entry = await database.run(outbox.keep, both, grace=60) if is_kept else None
    publisher = Publisher(layer)
    for batch in (Batch(both, entry), Batch([noted(ALLOWED, 3)], None)):
        publisher.submit(batch)
    works = publisher.run(), publisher.tidy(), publisher.left.run(), Relay(publisher).run()
    working = [asyncio.create_task(work) for work in works]
    assert [await soon(heard.get()), await soon(heard.get())] == [1, 3]
    async with asyncio.timeout(10):
        while not any(b'"number":2' in body and b'"number":1' not in body for body in await database.run(entries)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await database.run(outbox.keep, [noted(ALLOWED, 4)], grace=0)  # a later pass
    assert await soon(heard.get()) == 4
    for task in working:
        task.cancel()
    await asyncio.gather(*working, return_exceptions=True)


async def test_other_services_hear_what_stands_beside_something_refused(
    layer: RedisLayer, redis_server: Redis, settings: Any
) -> None:
    settings.REALTIME = {**settings.REALTIME, "BRIDGE": {"lab.noted": "notes"}, "REDIS_URL": redis_server.url}
    publisher = Publisher(layer)
    with redis.Redis.from_url(redis_server.url) as client, client.pubsub() as service:
        service.subscribe("notes")
        assert service.get_message(timeout=10)
        with pytest.raises(RefusedError):
            await publisher.send([noted(ALLOWED, 1), noted(FORBIDDEN, 2), noted(ALLOWED, 3)])
        passing_on = asyncio.create_task(publisher.bridge.run())
        heard = [await asyncio.to_thread(service.get_message, timeout=10) for _ in range(2)]
        passing_on.cancel()
        await asyncio.gather(passing_on, return_exceptions=True)
    assert [message and message["data"] for message in heard] == [b'{"number":1}', b'{"number":3}']


async def test_a_publisher_that_is_refused_everything_is_down(layer: RedisLayer) -> None:
    publisher = Publisher(layer)
    publisher.submit(Batch([noted(FORBIDDEN, 1)], None))
    running = asyncio.create_task(publisher.run())
    await soon(publisher._queue.join())
    assert publisher.is_down
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_redis_that_loads_its_data_refuses_nothing_in_particular() -> None:
    def loading(words: list[bytes], _: asyncio.StreamWriter) -> Reply:
        return b"-LOADING Redis is loading the dataset in memory\r\n"

    async with FakeRedis(loading) as server:
        layer = RedisLayer(server.url)
        with pytest.raises(ConnectionError) as caught:
            await layer.group_send("room", {})
        assert not isinstance(caught.value, RefusedError)
        await layer.close()


@pytest.mark.parametrize(
    "answer", [b"-ERR max number of clients reached\r\n", b"-DENIED Redis is in protected mode\r\n"]
)
async def test_a_redis_that_takes_no_client_refuses_nothing_in_particular(answer: bytes) -> None:
    """Else the relay would put aside for a minute what is to be sent first."""

    def full(words: list[bytes], writer: asyncio.StreamWriter) -> Reply:
        writer.write(answer)
        writer.close()
        return None

    async with FakeRedis(full) as server:
        layer = RedisLayer(server.url)
        with pytest.raises(ConnectionError) as caught:
            await layer.group_send("room", {})
        assert not isinstance(caught.value, RefusedError)
        await layer.close()
