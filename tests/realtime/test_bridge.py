"""What other services hear."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from pytest_django import Settings

from accounts.models import User
from realtime.bridge import WAITING, Bridge, chosen, pass_on
from realtime.couriers import RedisCourier
from realtime.intents import Evict, Push
from realtime.publications import Publication
from realtime.publishing import publish, set_courier
from realtime.rooms import GlobalRoom
from realtime.testing import Client
from tests.lab.events import Noted, Tick
from tests.services import Redis, redis_url

CHANNELS = {"lab.noted": "noted:channel", "lab.tick": "tick:channel"}
Connect = Callable[..., Client]


@pytest.fixture
def bridged(settings: Settings) -> None:
    settings.REALTIME = {**settings.REALTIME, "BRIDGE": CHANNELS, "REDIS_URL": redis_url()}
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "realtime.layer_redis.RedisLayer", "CONFIG": {"url": redis_url()}}
    }


@pytest.fixture
def service() -> Iterator[Callable[[], tuple[str, Any]]]:
    """Another service: `service()` is the next thing that it hears."""
    with redis.Redis.from_url(redis_url(), decode_responses=True) as client, client.pubsub() as listening:
        listening.subscribe(*CHANNELS.values())
        for _ in CHANNELS:
            assert listening.get_message(timeout=10)

        def hear() -> tuple[str, Any]:
            message = listening.get_message(timeout=10, ignore_subscribe_messages=True)
            assert message is not None, "nothing was heard"
            return message["channel"], json.loads(message["data"])

        yield hear


def push(number: int, **more: Any) -> Push:
    return Push(GlobalRoom(), Noted(number=number), **more)


def publications(*intents: Push | Evict) -> list[Publication]:
    return [publication for intent in intents if (publication := intent.publication()) is not None]


def test_what_is_in_the_map_is_passed_on_and_nothing_else(bridged: None) -> None:
    from realtime.testing import Marker  # noqa: PLC0415 -- an event that is not in the map

    told = publications(
        push(1), Push(GlobalRoom(), Marker(number=2)), push(3, is_personal=True), Evict("ann", GlobalRoom())
    )
    assert chosen(told) == [("noted:channel", b'{"number":1}')]


def test_without_a_map_nothing_is(settings: Settings) -> None:
    assert chosen(publications(push(1))) == []
    bridge = Bridge()
    bridge.take(publications(push(1)))
    assert bridge._waiting.empty()


@pytest.mark.django_db(transaction=True)
def test_what_a_server_sends_other_services_hear_once(
    bridged: None, connect: Connect, service: Callable[[], tuple[str, Any]], alice: User
) -> None:
    client = connect(alice)
    client.call("rooms.subscribe", {"room": "lab:notes"})
    for number in range(3):
        client.call("lab.note", {"number": number})
        assert client.expect(Noted).number == number
    client.call("lab.tick", {"number": 3})
    assert client.expect(Tick).number == 3
    assert [service() for _ in range(4)] == [
        *(("noted:channel", {"number": number}) for number in range(3)),
        ("tick:channel", {"number": 3}),
    ]


@pytest.mark.django_db(transaction=True)
def test_what_a_command_or_a_worker_sends_they_hear_too(bridged: None, service: Callable[[], tuple[str, Any]]) -> None:
    set_courier(RedisCourier.connect(redis_url()))
    try:
        publish(push(1))
        publish(push(2, is_personal=True))
        publish(push(3))
    finally:
        set_courier(None)
    assert [service(), service()] == [("noted:channel", {"number": 1}), ("noted:channel", {"number": 3})]


def test_a_service_that_cannot_be_told_holds_nobody_up(settings: Settings) -> None:
    with Redis() as server:
        url = server.url
    settings.REALTIME = {**settings.REALTIME, "BRIDGE": CHANNELS, "REDIS_URL": url}
    pass_on(publications(push(1)))
    bridge = Bridge()
    for number in range(WAITING + 5):
        bridge.take(publications(push(number)))
    assert bridge._waiting.qsize() == WAITING
    assert bridge._waiting.get_nowait() == ("noted:channel", b'{"number":5}')
