"""Who listens where, over several processes: what they leave, and what Redis loses."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
import redis
from pytest_django import Settings

from realtime import database
from realtime.audience_redis import RedisAudience
from realtime.auth import Identity
from realtime.connected import Connected
from realtime.process import cancel
from tests.lab.rooms import SharedRoom
from tests.realtime.waiting import until
from tests.services import Redis, redis_url

pytestmark = pytest.mark.asyncio

ANN, BEA = (Identity(f"user-{name}", name) for name in ("ann", "bea"))


class House(Connected):
    """The connections of one process, as its hub knows them."""

    def enter(self, session: Any) -> None:
        self._users.setdefault(session.user.id, set()).add(session)
        for address in session.rooms:
            self._rooms.setdefault(address, set()).add(session)

    def leave(self, session: Any) -> None:
        self._users[session.user.id].discard(session)
        for address in session.rooms:
            self._rooms[address].discard(session)


class Seat:
    """As much of a session as is looked at."""

    def __init__(self, user: Identity, *rooms: SharedRoom) -> None:
        self.user, self.rooms = user, {room.address: None for room in rooms}


class Process:
    """One server process, as far as this goes."""

    def __init__(self, url: str) -> None:
        self.house = House()
        self.audience = RedisAudience(self.house, url)
        self.running = asyncio.create_task(self.audience.run())

    def enter(self, user: Identity, *rooms: SharedRoom) -> Seat:
        session = Seat(user, *rooms)
        self.house.enter(session)
        for address in session.rooms:
            self.audience.changed(user.id, address)
        return session

    def leave(self, session: Seat) -> None:
        self.house.leave(session)
        for address in session.rooms:
            self.audience.changed(session.user.id, address)

    async def kill(self) -> None:
        await cancel({self.running})


@pytest.fixture(autouse=True)
def short(settings: Settings) -> None:
    settings.REALTIME = {**settings.REALTIME, "PRESENCE_LEASE": 0.6}


@pytest.fixture
def client() -> Iterator["redis.Redis"]:
    """A Redis that nobody is known to."""
    with redis.Redis.from_url(redis_url(), decode_responses=True) as client:
        client.flushall()
        yield client
        client.flushall()


@pytest_asyncio.fixture
async def processes(client: "redis.Redis") -> AsyncIterator[list[Process]]:
    started = [Process(redis_url()) for _ in range(3)]
    yield started
    for process in started:
        await process.kill()
        await process.audience.close()


@pytest.fixture
def room() -> SharedRoom:
    return SharedRoom(uuid4())


async def users_in(process: Process, room: SharedRoom) -> set[str]:
    return await database.run(process.audience.users_in, room)


async def test_other_services_can_read_it(processes: list[Process], client: "redis.Redis", room: SharedRoom) -> None:
    processes[0].enter(ANN, room)
    processes[1].enter(BEA, room)
    await until(lambda: client.smembers(f"room:{room.key}:users") == {ANN.id, BEA.id})
    assert client.smembers(f"user:{ANN.id}:rooms") == {room.key}
    for key in (f"room:{room.key}:users", f"user:{ANN.id}:rooms"):
        assert 3500 < int(client.ttl(key)) <= 3600


async def test_who_is_there_by_another_process_stays(
    processes: list[Process], client: "redis.Redis", room: SharedRoom
) -> None:
    sessions = [process.enter(ANN, room) for process in processes[:2]]
    await until(lambda: client.smembers(f"room:{room.key}:users") == {ANN.id})
    processes[0].leave(sessions[0])
    marker = SharedRoom(uuid4())
    processes[0].enter(BEA, marker)
    await until(lambda: client.smembers(f"room:{marker.key}:users") == {BEA.id})
    assert await users_in(processes[2], room) == {ANN.id}
    processes[1].leave(sessions[1])
    await until(lambda: not client.exists(f"room:{room.key}:users", f"user:{ANN.id}:rooms"))


async def test_what_a_killed_process_left_is_cleared_after_its_lease(
    processes: list[Process], client: "redis.Redis", room: SharedRoom
) -> None:
    dead, alive, _ = processes
    dead.enter(ANN, room)
    dead.enter(BEA, room)
    alive.enter(BEA, room)
    await until(lambda: client.smembers(f"room:{room.key}:users") == {ANN.id, BEA.id})
    await until(lambda: client.hgetall(f"audience:{alive.audience._process}:rooms") == {room.address: "1"})
    await dead.kill()
    await until(lambda: client.smembers(f"room:{room.key}:users") == {BEA.id})
    await until(lambda: not client.keys(f"audience:{dead.audience._process}:*"))
    assert not client.exists(f"user:{ANN.id}:rooms")
    assert await database.run(alive.audience.clients_in, [room.address]) == {room.address: 1}
    assert await database.run(alive.audience.clients) == 1


async def test_a_process_that_stood_still_writes_down_again_what_others_cleared(
    processes: list[Process], client: "redis.Redis", room: SharedRoom
) -> None:
    one = processes[0]
    one.enter(ANN, room)
    await until(lambda: client.smembers(f"room:{room.key}:users") == {ANN.id})
    client.zadd("audience:processes", {one.audience._process: 1})
    client.delete(f"room:{room.key}:users")
    await until(lambda: client.smembers(f"room:{room.key}:users") == {ANN.id})


async def test_what_redis_lost_is_written_down_again(room: SharedRoom) -> None:
    with Redis() as server:
        process = Process(server.url)
        session = process.enter(ANN, room)
        with redis.Redis.from_url(server.url, decode_responses=True) as client:
            await until(lambda: client.smembers(f"room:{room.key}:users") == {ANN.id})
        await asyncio.to_thread(server.kill)
        process.leave(session)
        process.enter(BEA, room)
        await asyncio.to_thread(server.start)
        with redis.Redis.from_url(server.url, decode_responses=True) as client:
            await until(lambda: client.smembers(f"room:{room.key}:users") == {BEA.id})
        await process.kill()
        await process.audience.close()


async def test_a_process_that_ends_leaves_nothing(client: "redis.Redis") -> None:
    process = Process(redis_url())
    rooms = [SharedRoom(uuid4()) for _ in range(250)]
    for room in rooms:
        process.enter(ANN, room)
    await until(lambda: client.scard(f"user:{ANN.id}:rooms") == 250)
    await process.kill()
    await process.audience.close()
    assert client.keys("room:*") + client.keys("user:*") + client.keys("audience:*") == []


async def test_who_went_while_redis_refused_is_not_there_when_it_answers(
    processes: list[Process], client: "redis.Redis", room: SharedRoom
) -> None:
    process, marker = processes[0], SharedRoom(uuid4())
    session = process.enter(ANN, room)
    process.enter(BEA, room)
    await until(lambda: client.smembers(f"room:{room.key}:users") == {ANN.id, BEA.id})
    client.replicaof("127.0.0.1", "1")  # as in a failover: writes are errors now
    try:
        process.leave(session)
        await until(lambda: process.audience._is_in_doubt)
    finally:
        client.replicaof("NO", "ONE")
    process.enter(BEA, marker)
    await until(lambda: client.smembers(f"user:{BEA.id}:rooms") == {room.key, marker.key})
    assert await users_in(processes[1], room) == {BEA.id}
