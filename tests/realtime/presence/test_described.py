"""What other services read of a user in Redis: `presence:{id}`."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from pytest_django import Settings

from realtime import database, presence
from realtime.presence_redis import RedisPresence
from tests.realtime.presence.processes import Process, of
from tests.realtime.waiting import until
from tests.services import Redis

pytestmark = pytest.mark.asyncio


@pytest.fixture
def client(url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(url, decode_responses=True) as client:
        yield client


@pytest.fixture
def describe(settings: Settings, url: str) -> Callable[..., Any]:
    """`await describe("ann", status="busy")`: in a database thread."""
    settings.REALTIME = {**settings.REALTIME, "REDIS_URL": url}

    async def say(user: str, **described: Any) -> None:
        await database.run(presence.describe, user, **described)

    return say


def read(client: "redis.Redis", user: str = "ann") -> tuple[dict[str, Any], int]:
    """It, with its sockets in order; and how long it will be there."""
    described = json.loads(str(client.get(f"presence:{user}")))
    left = round(int(client.ttl(f"presence:{user}")), -1)  # a second may have passed
    return described | {"socketIds": sorted(described["socketIds"])}, left


async def test_it_has_what_was_said_and_the_sockets_there_are(
    idle: list[RedisPresence], client: "redis.Redis", describe: Callable[..., Any]
) -> None:
    await idle[0].connect("ann", "phone")
    assert not client.exists("presence:ann")  # nobody has said what she is
    await describe("ann", status="busy", lastSeenAt="2026-01-31T12:00:00.000Z")
    said = {"userId": "ann", "status": "busy", "lastSeenAt": "2026-01-31T12:00:00.000Z"}
    assert read(client) == (said | {"socketIds": ["phone"]}, 3600)
    await idle[1].connect("ann", "laptop")
    assert read(client) == (said | {"socketIds": ["laptop", "phone"]}, 3600)
    await idle[0].disconnect("ann", "phone")
    assert read(client) == (said | {"socketIds": ["laptop"]}, 3600)
    await idle[1].disconnect("ann", "laptop")
    assert read(client) == (said | {"socketIds": []}, 300)
    await describe("ann", status="offline", lastSeenAt=None)
    gone: dict[str, Any] = {"userId": "ann", "status": "offline", "lastSeenAt": None, "socketIds": []}
    assert read(client) == (gone, 300)


async def test_it_is_renewed_with_the_lease(
    idle: list[RedisPresence], client: "redis.Redis", describe: Callable[..., Any]
) -> None:
    await idle[0].connect("ann", "phone")
    await describe("ann", status="online", lastSeenAt=None)
    client.expire("presence:ann", 7)
    await idle[0]._renew()
    assert read(client)[1] == 3600


async def test_the_sockets_of_a_killed_process_are_not_in_it(
    several: list[Process],
    client: "redis.Redis",
    describe: Callable[..., Any],
    told: list[tuple[str, bool]],
) -> None:
    dead, alive, _ = several
    await dead.presence.connect("ann", "phone")
    await until(lambda: of("ann", told) == [True])
    await describe("ann", status="online", lastSeenAt=None)
    await dead.kill()
    await until(lambda: of("ann", told) == [True, False])
    await describe("ann", status="offline", lastSeenAt=None)  # as accounts do, when they are told
    assert read(client) == ({"userId": "ann", "status": "offline", "lastSeenAt": None, "socketIds": []}, 300)
    assert await database.run(alive.presence.sockets, "ann") == set()


async def test_while_redis_is_away_nothing_fails(settings: Settings) -> None:
    with Redis() as server:
        url = server.url
    settings.REALTIME = {**settings.REALTIME, "REDIS_URL": url}
    await database.run(presence.describe, "ann", status="online")


async def test_who_is_online_is_not_known_while_redis_is_away(redis_server: Redis) -> None:
    backend = RedisPresence(presence.Announcer(), redis_server.url)
    presence.set_backend(backend)
    try:
        assert await database.run(presence.known_online, ["ann"]) == set()
        redis_server.kill()
        assert await database.run(presence.known_online, ["ann"]) is None
    finally:
        presence.set_backend(None)
    assert presence.known_online(["ann"]) is None
