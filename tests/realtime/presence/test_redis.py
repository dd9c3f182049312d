"""What several processes on one Redis add to it."""

import asyncio
import threading
from collections.abc import Callable
from typing import cast

import pytest
import redis
from pytest_django import Settings

from realtime import database, presence
from realtime.presence import Announcer
from realtime.presence_redis import RedisPresence
from realtime.signals import PresenceListener, Pushes
from tests.realtime.presence.conftest import GRACE
from tests.realtime.presence.processes import Process, end_graces, lapse, mark, of
from tests.realtime.waiting import soon, until
from tests.services import Redis

pytestmark = pytest.mark.asyncio


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
    several: list[Process], told: list[tuple[str, bool]], grace: Callable[[float], None], url: str
) -> None:
    grace(3600)
    await several[0].presence.connect("ann", "phone")
    await several[0].presence.disconnect("ann", "phone")
    await several[1].presence.connect("ann", "phone again")
    end_graces(url)
    grace(GRACE)
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


async def test_who_goes_after_the_lease_has_lapsed_is_told_of_once(
    starting: Callable[..., Process], url: str, told: list[tuple[str, bool]], settings: Settings
) -> None:
    settings.REALTIME = {**settings.REALTIME, "PRESENCE_LEASE": 3600}  # nothing is renewed meanwhile
    one, other = (starting(lambda announcer: RedisPresence(announcer, url)) for _ in range(2))
    await one.presence.connect("ann", "phone")
    await one.presence.connect("ann", "laptop")
    await until(lambda: of("ann", told) == [True])
    lapse(one, url)
    await until(lambda: of("ann", told) == [True, False])
    await one.presence.disconnect("ann", "phone")
    await one.presence.disconnect("ann", "laptop")
    await mark(other, told)
    await mark(one, told, "second marker")
    assert of("ann", told) == [True, False]
    await one.presence.connect("ann", "phone")
    await until(lambda: of("ann", told) == [True, False, True])


async def test_who_came_is_told_of_though_the_answer_is_lost(
    several: list[Process], url: str, told: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.presence_redis.CLAIM", 0.2)
    backend = cast(RedisPresence, several[0].presence)
    connect, lost = backend._connect, list[object]()

    async def losing(args: list[str]) -> object:
        answer = await connect(args=args)
        if "ann" in args and not lost:
            lost.append(answer)
            raise redis.exceptions.TimeoutError("the answer did not come")
        return answer

    monkeypatch.setattr(backend, "_connect", losing)
    await backend.connect("ann", "phone")
    assert lost == [["ann"]]
    await until(lambda: of("ann", told) == [True])
    with redis.Redis.from_url(url) as client:
        await until(lambda: client.zcard("presence:telling") + client.hlen("presence:tellers") == 0)
    await mark(several[1], told)
    assert of("ann", told) == [True]


async def test_who_waits_to_be_told_of_is_not_told_of_by_another_process(
    several: list[Process], url: str, told: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.presence_redis.CLAIM", 0.2)
    gate, listen = threading.Event(), cast(dict[str, PresenceListener], vars(presence)["presence_listeners"])["listen"]

    def slow(user: str, online: bool) -> Pushes:
        if user == "ann":
            gate.wait(10)
        yield from listen(user, online)

    monkeypatch.setattr("realtime.presence.presence_listeners", {"slow": slow})
    await several[0].presence.connect("ann", "phone")
    with redis.Redis.from_url(url) as client:
        claims: set[object] = set()

        def has_asked_for_more() -> bool:
            claims.add(client.zscore("presence:telling", "ann"))
            return len(claims) > 10

        await until(has_asked_for_more)
    gate.set()
    await mark(several[1], told)
    assert of("ann", told) == [True]


async def test_what_a_process_told_before_it_ended_is_not_told_again(
    starting: Callable[..., Process], url: str, told: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.presence_redis.CLAIM", 0.2)
    backend = RedisPresence(Announcer(), url)
    await backend.connect("ann", "phone")
    await backend.close()
    with redis.Redis.from_url(url) as client:
        assert client.zcard("presence:telling") + client.hlen("presence:tellers") == 0
    assert of("ann", told) == [True]


async def test_a_process_stands_for_a_user_as_long_as_one_device_is_there(idle: list[RedisPresence], url: str) -> None:
    backend = idle[0]
    await backend.connect("ann", "phone")
    await backend.connect("ann", "laptop")
    backend._devices.pop("ann")  # as one who goes sees it, while another comes
    await backend._depart("ann", "phone")
    with redis.Redis.from_url(url, decode_responses=True) as client:
        assert client.smembers(f"presence:process:{backend._process}:users") == {"ann"}
        await backend._depart("ann", "laptop")
        assert client.smembers(f"presence:process:{backend._process}:users") == set()
