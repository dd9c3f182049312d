"""Who is here: one contract in memory and on Redis, and what several processes add to it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import cast

import pytest
import pytest_asyncio
import redis
from django.db import OperationalError
from pytest_django import Settings

from accounts import services
from accounts.models import User
from realtime import database, presence
from realtime.presence import Announcer, Presence
from realtime.presence_memory import MemoryPresence
from realtime.presence_redis import RedisPresence
from realtime.signals import PresenceListener, Pushes
from tests.realtime.waiting import soon, until
from tests.services import Redis, redis_url

pytestmark = pytest.mark.asyncio
GRACE, LEASE = 0.1, 0.6


@pytest.fixture(autouse=True)
def short(settings: Settings) -> None:
    settings.REALTIME = {**settings.REALTIME, "OFFLINE_GRACE": GRACE, "PRESENCE_LEASE": LEASE}


@pytest.fixture
def no_grace(settings: Settings, short: None) -> None:
    settings.REALTIME = {**settings.REALTIME, "OFFLINE_GRACE": 0.0}


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Whom listeners were told of, and whether they came."""
    seen: list[tuple[str, bool]] = []

    def listen(user: str, online: bool) -> Pushes:
        seen.append((user, online))
        yield from ()

    monkeypatch.setattr("realtime.presence.presence_listeners", {"listen": listen})
    return seen


class Process:
    """One server process, as far as presence goes."""

    def __init__(self, make: Callable[[Announcer], Presence]) -> None:
        self.announcer = Announcer()
        self.presence = make(self.announcer)
        self.tasks = [asyncio.create_task(self.announcer.run())]
        if isinstance(self.presence, RedisPresence):
            self.tasks.append(asyncio.create_task(self.presence.run()))

    async def online(self, *users: str) -> set[str]:
        return await database.run(self.presence.online, users)

    async def count(self) -> int:
        return await database.run(self.presence.count)

    async def kill(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)


@pytest_asyncio.fixture
async def starting() -> AsyncIterator[Callable[..., Process]]:
    """`starting(make)`: a process that ends with the test."""
    started: list[Process] = []

    def start(make: Callable[[Announcer], Presence]) -> Process:
        started.append(Process(make))
        return started[-1]

    yield start
    for process in started:
        await process.kill()
        await process.presence.close()


@pytest.fixture
def url() -> Iterator[str]:
    """A Redis that nobody is known to."""
    with redis.Redis.from_url(redis_url()) as client:
        client.flushall()
        yield redis_url()
        client.flushall()


@pytest_asyncio.fixture(params=["memory", "Redis"])
async def process(request: pytest.FixtureRequest, starting: Callable[..., Process], url: str) -> Process:
    if request.param == "memory":
        return starting(MemoryPresence)
    return starting(lambda announcer: RedisPresence(announcer, url))


@pytest_asyncio.fixture
async def several(starting: Callable[..., Process], url: str) -> list[Process]:
    """Three processes on one Redis."""
    return [starting(lambda announcer: RedisPresence(announcer, url)) for _ in range(3)]


async def mark(process: Process, told: list[tuple[str, bool]], name: str = "marker") -> None:
    """Whatever was to be told before has been told when this returns: somebody else came and went."""
    await process.presence.connect(name, "only")
    await until(lambda: (name, True) in told)
    await process.presence.disconnect(name, "only")
    await until(lambda: (name, False) in told)


def of(user: str, told: list[tuple[str, bool]]) -> list[bool]:
    return [online for name, online in told if name == user]


# -- the contract of both ---------------------------------------------------------------------------


async def test_the_first_device_is_told_and_no_other(process: Process, told: list[tuple[str, bool]]) -> None:
    for device in ("phone", "laptop", "phone"):
        await process.presence.connect("ann", device)
    await mark(process, told)
    assert of("ann", told) == [True]
    assert await process.online("ann", "bea") == {"ann"}
    assert await process.count() == 1


async def test_the_last_device_is_told_after_the_grace_and_no_other(
    process: Process, told: list[tuple[str, bool]]
) -> None:
    for device in ("phone", "laptop", "tablet"):
        await process.presence.connect("ann", device)
    for device in ("phone", "laptop"):
        await process.presence.disconnect("ann", device)
    await mark(process, told)
    assert of("ann", told) == [True]
    await process.presence.disconnect("ann", "tablet")
    assert await process.online("ann") == {"ann"}  # in the grace still
    await until(lambda: of("ann", told) == [True, False])
    assert await process.online("ann") == set()
    assert await process.count() == 0


async def test_coming_back_within_the_grace_tells_nobody(process: Process, told: list[tuple[str, bool]]) -> None:
    await process.presence.connect("ann", "phone")
    for count in range(5):
        await process.presence.disconnect("ann", "phone" if count == 0 else f"phone {count}")
        await process.presence.connect("ann", f"phone {count + 1}")
    await mark(process, told)
    assert of("ann", told) == [True]
    assert await process.online("ann") == {"ann"}


async def test_coming_back_after_the_grace_is_told_again(process: Process, told: list[tuple[str, bool]]) -> None:
    for round_ in range(2):
        await process.presence.connect("ann", "phone")
        await process.presence.disconnect("ann", "phone")
        await until(lambda expected=round_: of("ann", told) == [True, False] * (expected + 1))  # type: ignore[misc]


async def test_a_device_that_never_came_or_went_before_changes_nothing(
    process: Process, told: list[tuple[str, bool]]
) -> None:
    await process.presence.disconnect("bea", "phone")
    await process.presence.connect("ann", "phone")
    await process.presence.disconnect("ann", "other")
    await mark(process, told)
    assert (of("ann", told), of("bea", told)) == ([True], [])
    assert await process.online("ann", "bea") == {"ann"}


async def test_many_are_counted_and_asked_about_at_once(process: Process, told: list[tuple[str, bool]]) -> None:
    everybody = {f"user-{number}" for number in range(150)}
    for user in everybody:
        await process.presence.connect(user, "phone")
    assert await process.count() == 150
    assert await process.online(*everybody, "nobody") == everybody
    assert await process.online() == set()
    for user in everybody:
        await process.presence.disconnect(user, "phone")
    await until(lambda: {user for user, online in told if not online} == everybody)
    assert await process.count() == 0


# -- the announcer -----------------------------------------------------------------------------------


async def test_a_listener_that_fails_keeps_nobody_else_from_being_told(
    told: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(user: str, online: bool) -> Pushes:
        yield from ()
        raise RuntimeError("no luck")

    listeners = {"fail": fail, **cast(dict[str, PresenceListener], vars(presence)["presence_listeners"])}
    monkeypatch.setattr("realtime.presence.presence_listeners", listeners)
    announcer = Announcer()
    for user in ("ann", "bea"):
        announcer.announce(user, online=True)
    await soon(announcer.flush())
    assert told == [("ann", True), ("bea", True)]
    assert caplog.text.count("a presence listener failed") == 2


async def test_of_one_user_only_the_last_change_is_told(told: list[tuple[str, bool]]) -> None:
    announcer = Announcer()
    for online in (True, False, True, False):
        announcer.announce("ann", online=online)
    await soon(announcer.flush())
    assert told == [("ann", False)]


async def test_only_a_server_knows_who_is_online() -> None:
    with pytest.raises(RuntimeError, match="Only a server process"):
        presence.online_users(["ann"])
    with pytest.raises(RuntimeError, match="is_online"):
        presence.online_count()


async def test_a_server_is_asked_through_its_backend(process: Process) -> None:
    await process.presence.connect("ann", "phone")
    presence.set_backend(process.presence)
    try:
        assert await database.run(presence.online_users, ["ann", "bea"]) == {"ann"}
        assert await database.run(presence.online_count) == 1
    finally:
        presence.set_backend(None)


# -- memory alone ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
async def test_the_only_server_starts_with_nobody_online(alice: User) -> None:
    await database.run(services.set_presence, user_id=alice.pk, online=True)
    await MemoryPresence(Announcer()).run()
    await database.run(alice.refresh_from_db)
    assert not alice.is_online


async def test_when_the_only_server_ends_everybody_is_told_to_be_gone_at_once(
    starting: Callable[..., Process], told: list[tuple[str, bool]], settings: Settings
) -> None:
    settings.REALTIME = {**settings.REALTIME, "OFFLINE_GRACE": 3600}
    process = starting(MemoryPresence)
    await process.presence.connect("ann", "phone")
    await process.presence.connect("bea", "phone")
    await process.presence.disconnect("bea", "phone")
    await soon(process.presence.close())
    assert {(user, online) for user, online in told if not online} == {("ann", False), ("bea", False)}
    assert await process.count() == 0


# -- several processes on one Redis --------------------------------------------------------------------


async def test_one_of_several_processes_tells_once(several: list[Process], told: list[tuple[str, bool]]) -> None:
    users = [f"user-{number}" for number in range(20)]
    for user in users:
        await asyncio.gather(*(process.presence.connect(user, f"device {user}") for process in several))
    await mark(several[0], told)
    assert [of(user, told) for user in users] == [[True]] * 20
    assert [await process.count() for process in several] == [20] * 3

    for user in users:
        await asyncio.gather(*(process.presence.disconnect(user, f"device {user}") for process in several))
    await until(lambda: all(of(user, told) == [True, False] for user in users))
    await mark(several[1], told, "second marker")
    assert [of(user, told) for user in users] == [[True, False]] * 20


async def test_moving_to_another_process_within_the_grace_tells_nobody(
    several: list[Process], told: list[tuple[str, bool]]
) -> None:
    await several[0].presence.connect("ann", "phone")
    await several[0].presence.disconnect("ann", "phone")
    await several[1].presence.connect("ann", "phone again")
    await mark(several[2], told)
    assert of("ann", told) == [True]


async def test_the_people_of_a_killed_process_are_offline_after_its_lease(
    several: list[Process], told: list[tuple[str, bool]]
) -> None:
    dead, *alive = several
    await dead.presence.connect("ann", "phone")
    await dead.presence.connect("bea", "phone")
    await alive[0].presence.connect("bea", "laptop")
    await until(lambda: len(told) == 2)
    await dead.kill()
    await until(lambda: of("ann", told) == [True, False])
    await mark(alive[1], told)
    assert (of("ann", told), of("bea", told)) == ([True, False], [True])
    assert await alive[0].online("ann", "bea") == {"bea"}

    await alive[0].presence.disconnect("bea", "laptop")
    await until(lambda: of("bea", told) == [True, False])
    assert await alive[0].count() == 0


async def test_a_process_that_lives_keeps_its_people_online_beyond_many_leases(
    several: list[Process], told: list[tuple[str, bool]]
) -> None:
    await several[0].presence.connect("ann", "phone")
    await several[1].presence.connect("bea", "phone")
    await until(lambda: of("bea", told) == [True])
    await several[1].kill()  # its lease ends after the moment at which that of a silent one would
    await until(lambda: of("bea", told) == [True, False])
    assert await several[2].online("ann") == {"ann"}
    assert of("ann", told) == [True]


async def test_who_was_found_to_be_offline_is_told_of_though_the_answer_is_lost(
    several: list[Process], told: list[tuple[str, bool]], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.presence_redis.CLAIM", 0.2)
    await several[0].presence.connect("ann", "phone")
    await until(lambda: of("ann", told) == [True])
    with redis.Redis.from_url(url) as client:  # as a sweep leaves it whose process is killed in that moment
        client.zadd("presence:telling", {"ann": 0})
        client.srem("presence:online", "ann")
    await until(lambda: of("ann", told) == [True, False])
    with redis.Redis.from_url(url) as client:
        await until(lambda: client.zcard("presence:telling") == 0)
    assert of("ann", told) == [True, False]


async def test_nothing_is_left_in_redis_of_those_who_went(
    several: list[Process], told: list[tuple[str, bool]], url: str
) -> None:
    for process in several:
        await process.presence.connect("ann", f"device {id(process)}")
    for process in several:
        await process.presence.disconnect("ann", f"device {id(process)}")
    await until(lambda: of("ann", told) == [True, False])
    with redis.Redis.from_url(url, decode_responses=True) as client:
        keys = set(client.keys("*"))
    assert {key.split(":")[0] for key in keys} == {"presence"}
    assert not [key for key in keys if "ann" in key or key.endswith((":users", ":online", ":leaving"))]


async def test_who_came_while_redis_was_away_is_told_when_it_is_back(
    starting: Callable[..., Process], redis_server: Redis, told: list[tuple[str, bool]]
) -> None:
    process = starting(lambda announcer: RedisPresence(announcer, redis_server.url))
    await asyncio.to_thread(redis_server.kill)
    await soon(process.presence.connect("ann", "phone"))
    await soon(process.presence.connect("bea", "phone"))
    await soon(process.presence.disconnect("bea", "phone"))
    with pytest.raises(redis.exceptions.ConnectionError):
        await process.count()
    await asyncio.to_thread(redis_server.start)
    await until(lambda: of("ann", told) == [True])
    await mark(process, told)
    assert of("bea", told) == []
    assert await process.online("ann") == {"ann"}


# -- defects ------------------------------------------------------------------------------------------


async def test_who_went_while_redis_was_away_is_told_when_it_is_back(
    starting: Callable[..., Process], redis_server: Redis, told: list[tuple[str, bool]]
) -> None:
    process = starting(lambda announcer: RedisPresence(announcer, redis_server.url))
    await process.presence.connect("ann", "phone")
    await until(lambda: of("ann", told) == [True])
    await asyncio.to_thread(redis_server.kill)
    await soon(process.presence.disconnect("ann", "phone"))
    await asyncio.to_thread(redis_server.start)
    await mark(process, told)
    await mark(process, told, "second marker")
    assert of("ann", told) == [True, False]


async def test_who_went_while_redis_refused_is_told_when_it_answers(
    starting: Callable[..., Process], redis_server: Redis, told: list[tuple[str, bool]]
) -> None:
    process = starting(lambda announcer: RedisPresence(announcer, redis_server.url))
    await process.presence.connect("ann", "phone")
    await until(lambda: of("ann", told) == [True])
    with redis.Redis.from_url(redis_server.url) as client:
        client.execute_command("REPLICAOF", "127.0.0.1", "1")  # as in a failover: writes are errors now
        await soon(process.presence.disconnect("ann", "phone"))
        client.execute_command("REPLICAOF", "NO", "ONE")
    await mark(process, told)
    await mark(process, told, "second marker")
    assert of("ann", told) == [True, False]


@pytest_asyncio.fixture
async def idle(url: str) -> AsyncIterator[list[RedisPresence]]:
    """Two processes of which nothing runs by itself."""
    made = [RedisPresence(Announcer(), url) for _ in range(2)]
    yield made
    for backend in made:
        await backend.close()


async def test_who_goes_while_the_lease_is_renewed_does_not_stay(idle: list[RedisPresence], url: str) -> None:
    backend = idle[0]
    for number in range(500):
        await backend.connect(f"user-{number}", "phone")
    renewal = asyncio.create_task(backend._renew())
    await asyncio.sleep(0)
    for number in reversed(range(500)):
        await backend.disconnect(f"user-{number}", "phone")
    await renewal
    with redis.Redis.from_url(url) as client:
        left = list(client.scan_iter("user:*:sockets"))
    assert left == []


async def test_a_late_announcement_does_not_undo_a_newer_one_of_another_process(
    idle: list[RedisPresence], no_grace: None, told: list[tuple[str, bool]]
) -> None:
    slow, quick = idle
    await slow.connect("ann", "phone")
    await slow._announcer.flush()
    await slow.disconnect("ann", "phone")
    sweeping = asyncio.create_task(slow.run())
    await until(lambda: slow._announcer._pending == {"ann": False})
    sweeping.cancel()
    await asyncio.wait([sweeping])
    await quick.connect("ann", "phone")
    await quick._announcer.flush()
    await slow._announcer.flush()
    assert await database.run(quick.online, ["ann"]) == {"ann"}
    assert told[-1] == ("ann", True)


async def test_what_a_listener_could_not_write_down_is_told_again(
    starting: Callable[..., Process], told: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    listen = cast(dict[str, PresenceListener], vars(presence)["presence_listeners"])["listen"]
    troubles = [OperationalError("the database is away")]

    def unlucky(user: str, online: bool) -> Pushes:
        if troubles:
            raise troubles.pop()
        yield from listen(user, online)

    monkeypatch.setattr("realtime.presence.presence_listeners", {"unlucky": unlucky})
    process = starting(MemoryPresence)
    await process.presence.connect("ann", "phone")
    await mark(process, told)
    assert of("ann", told) == [True]
