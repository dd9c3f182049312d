"""Server processes, as far as presence goes, and what they tell."""

import asyncio
from collections.abc import Callable
from typing import cast

import redis

from realtime import database
from realtime.presence import Announcer, Presence
from realtime.presence_redis import RedisPresence
from realtime.process import cancel
from tests.realtime.waiting import until


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
        await cancel(set(self.tasks))


async def mark(process: Process, told: list[tuple[str, bool]], name: str = "marker") -> None:
    """Whatever was to be told before has been told when this returns: somebody else came and went."""
    await process.presence.connect(name, "only")
    await until(lambda: (name, True) in told)
    await process.presence.disconnect(name, "only")
    await until(lambda: (name, False) in told)


def of(user: str, told: list[tuple[str, bool]]) -> list[bool]:
    return [online for name, online in told if name == user]


def end_graces(url: str) -> None:
    """As if the grace of everybody who is leaving were over."""
    with redis.Redis.from_url(url) as client:
        for user in client.zrange("presence:leaving", 0, -1):
            client.zadd("presence:leaving", {user: 0}, xx=True)


def lapse(process: Process, url: str) -> None:
    """As if the process had stood still for longer than its lease."""
    with redis.Redis.from_url(url) as client:
        client.zadd("presence:processes", {cast(RedisPresence, process.presence)._process: 1})
