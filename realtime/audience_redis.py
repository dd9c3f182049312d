"""Who listens where, over all processes that share one Redis.

Keys: `user:{id}:rooms` and `room:{id}:users`, sets of ids for the rooms that are tracked (backstop TTL 1 h, renewed);
`audience:processes`, when each process's lease ends; `audience:{process}:stays`, who is where by that process, and
`audience:{process}:rooms`, how many connections in which room; `audience:clients`, how many in all. What a killed
process leaves is cleared by any other.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar
from uuid import uuid4

import redis
import redis.asyncio
from redis.exceptions import RedisError

from realtime.audience import tracked, users_here
from realtime.audience_scripts import CLIENTS, CLIENTS_IN, LEASES, ROOMS, SWEEP_SCRIPT, WRITE
from realtime.conf import conf
from realtime.connected import Connected
from realtime.redis_pools import TIMEOUT, loop_pool
from realtime.rooms import Room

logger = logging.getLogger(__name__)

TTL: Final = 3600
RETRY: Final = 0.5  # seconds until a Redis that has failed is tried again
GATHERING: Final = 0.05  # seconds for which changes are gathered
TOGETHER: Final = 200  # changes, or things left behind, in one script

T = TypeVar("T")
Pair = tuple[str, str]
"""A user, and the address of a room."""


class RedisAudience:
    """Writes down what changes in this process, a little later and together; nobody waits for it."""

    def __init__(self, here: Connected, url: str) -> None:
        self._here = here
        self._process: Final = uuid4().hex
        self._changed: dict[Pair, None] = {}
        self._wake = asyncio.Event()
        self._repeat_at = 0.0  # by time.monotonic
        self._is_in_doubt = False  # whether Redis may know what is not so any more
        self._loop_client = redis.asyncio.Redis.from_pool(loop_pool(url, decode_responses=True))
        self._thread_client = redis.Redis.from_url(
            url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, decode_responses=True
        )
        self._write = self._loop_client.register_script(LEASES + WRITE)
        self._sweep = self._loop_client.register_script(LEASES + SWEEP_SCRIPT)

    def changed(self, user: str, address: str) -> None:
        """To be written down."""
        self._changed[user, address] = None
        self._wake.set()

    # -- what is asked -----------------------------------------------------------------------

    def users_in(self, room: Room) -> set[str]:
        """The ids of the users who listen there."""
        return {str(user) for user in self._thread_client.smembers(f"room:{room.key}:users")}

    def rooms_of(self, user: str) -> set[str]:
        """The keys of the rooms that are tracked in which the user listens."""
        return {str(key) for key in self._thread_client.smembers(f"user:{user}:rooms")}

    def clients_in(self, addresses: Collection[str]) -> dict[str, int]:
        """How many connections are in each of these rooms."""
        counted: dict[str, int] = {}
        for some in filter(None, _parts(list(addresses))):
            counted |= zip(some, map(int, self._thread_client.eval(LEASES + CLIENTS_IN, 0, *some)), strict=True)
        return counted

    def clients(self) -> int:
        """How many connections there are."""
        return int(self._thread_client.eval(LEASES + CLIENTS, 0))

    def rooms(self) -> set[str]:
        """The addresses of the rooms in which anybody is."""
        return set(self._thread_client.eval(LEASES + ROOMS, 0))

    # -- what is written ---------------------------------------------------------------------

    async def run(self) -> None:
        """Write down what changes, renew the lease, and clear what others left, for ever."""
        rest = min(conf().presence_lease / 8, 5.0)
        while True:
            try:
                async with asyncio.timeout(rest):
                    await self._wake.wait()
            except TimeoutError:
                pass
            else:
                await asyncio.sleep(GATHERING)
            with self._patience():
                await self._catch_up()
                await self._sweep(args=[TOGETHER])
            if self._is_in_doubt:
                await asyncio.sleep(RETRY)

    @contextmanager
    def _patience(self) -> Iterator[None]:
        try:
            yield
        except RedisError as error:
            self._is_in_doubt = True
            logger.warning("who listens where waits for Redis: %r", error)

    async def _catch_up(self) -> None:
        self._wake.clear()
        changed, self._changed = self._changed, {}
        if self._is_in_doubt:  # what changed while Redis was away is not remembered
            await self._withdraw()
        if time.monotonic() >= self._repeat_at:
            await self._repeat(changed)
        else:
            is_known = all([await self._write_some(some) for some in _parts(list(changed))])
            if not is_known:  # the lease had lapsed, or Redis lost it: others may have cleared it all
                await self._repeat(changed)

    async def _repeat(self, changed: Iterable[Pair]) -> None:
        """All there is, and what there was."""
        there = {(session.user.id, address) for session in self._here.connections() for address in tuple(session.rooms)}
        for some in _parts([*{*there, *changed}]):
            await self._write_some(some)
        self._repeat_at = time.monotonic() + TTL / 3

    async def _write_some(self, pairs: Sequence[Pair]) -> bool:
        counts: list[str | int] = []
        for address in {address for _, address in pairs}:
            counts += [address, len(self._here.listening(address))]
        keys = {address: key for address in {address for _, address in pairs} if (key := tracked(address)) is not None}
        here = {address: users_here(self._here, address) for address in keys}
        stays: list[str | int] = []
        for user, address in pairs:
            if user and address in keys:
                stays += [keys[address], user, int(user in here[address])]
        clients = len(self._here.connections())
        words: list[Any] = [self._process, conf().presence_lease, TTL, clients, len(counts), *counts, *stays]
        return bool(await self._write(args=words))

    async def _withdraw(self) -> None:
        """Let Redis know nothing by this process, as if it were dead; what there is has to be written again."""
        await self._loop_client.zadd("audience:processes", {self._process: 0})
        while await self._loop_client.zscore("audience:processes", self._process) is not None:
            await self._sweep(args=[TOGETHER])
        self._is_in_doubt, self._repeat_at = False, 0.0

    async def close(self) -> None:
        """Nobody listens here any more."""
        with self._patience():
            await self._withdraw()
        await self._loop_client.aclose()
        self._thread_client.close()


def _parts(things: Sequence[T]) -> Iterator[Sequence[T]]:
    """At least one, though it be empty."""
    iterator = iter(things)
    yield list(itertools.islice(iterator, TOGETHER))
    while some := list(itertools.islice(iterator, TOGETHER)):
        yield some
