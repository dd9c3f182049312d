"""Presence over all processes that share one Redis.

Keys: `user:{id}:sockets`, a set of `process/connection` (backstop TTL 1 h); `presence:process:{id}`,
the lease under which its members count; `presence:processes`, when each lease ends;
`presence:process:{id}:users`; `presence:process:{id}:lapsed`, whom others took out of that after the lease;
`presence:online`, who was announced as online; `presence:leaving`, when the grace of each leaving user ends;
`presence:telling`, of whom others have to be told, and until when whoever holds the claim in `presence:tellers`
has time to do so, or to ask for more; `presence:{id}`, what an app says of a user to other services, with the
`socketIds` there are (TTL 1 h while there are any, else 5 min). Every step is one script, so that a change is told
once, by whichever process finds it, and outlives the process that started it.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

import redis
import redis.asyncio
from redis.exceptions import RedisError

from realtime.conf import conf
from realtime.events import encode
from realtime.presence import Announcer
from realtime.presence_scripts import CONNECT, DESCRIBE, DISCONNECT, LIVE, SETTLE, SOCKETS, SWEEP_SCRIPT
from realtime.redis_pools import TIMEOUT, loop_pool
from realtime.redis_threads import thread_redis

logger = logging.getLogger(__name__)

SOCKETS_TTL: Final = 3600
SWEEP: Final = 100  # leaving users, or dead processes, in one script
CLAIM: Final = 5.0  # seconds to tell of a change, or to ask for more, before another process tells instead
ONLINE: Final = "presence:online"


class RedisPresence:
    """Leases by process: what a killed one leaves behind is cleared by any other."""

    def __init__(self, announcer: Announcer, url: str) -> None:
        self._announcer = announcer
        announcer.online = self.online
        self._process: Final = uuid4().hex
        options: dict[str, Any] = {
            "socket_timeout": TIMEOUT,
            "socket_connect_timeout": TIMEOUT,
            "decode_responses": True,
        }
        self._loop_client = redis.asyncio.Redis.from_pool(loop_pool(url, decode_responses=True))
        self._thread_client = redis.Redis.from_url(url, **options)
        self._connect = self._loop_client.register_script(LIVE + CONNECT)
        self._disconnect = self._loop_client.register_script(LIVE + DISCONNECT)
        self._sweep = self._loop_client.register_script(LIVE + SWEEP_SCRIPT)
        self._settle = self._loop_client.register_script(LIVE + SETTLE)
        self._claims: dict[str, str] = {}  # of whom this process is to tell, under which token
        self._tokens = (f"{self._process}/{number}" for number in itertools.count())
        self._devices: dict[str, set[str]] = {}
        # What Redis must be told to forget: True if it has confirmed to know it, False if it may.
        self._registered: dict[tuple[str, str], bool] = {}
        self._renew_at = 0.0  # by time.monotonic; at once when something failed

    async def connect(self, user: str, connection: str) -> None:
        """A device has come. Without Redis it is told at the next renewal of the lease."""
        self._devices.setdefault(user, set()).add(connection)
        with self._patience():
            await self._register([(user, connection)])

    async def disconnect(self, user: str, connection: str) -> None:
        """A device has gone, or never came. Without Redis it is told when that is back."""
        devices = self._devices.get(user, set())
        devices.discard(connection)
        if not devices:
            self._devices.pop(user, None)
        if (user, connection) in self._registered:
            with self._patience():
                await self._depart(user, connection)

    @contextmanager
    def _patience(self) -> Iterator[None]:
        try:
            yield
        except RedisError as error:
            self._renew_at = 0.0
            logger.warning("presence waits for Redis: %r", error)

    def online(self, users: Collection[str]) -> set[str]:
        """Those of the users who are online, in the grace too."""
        names = list(users)
        if not names:
            return set()
        flags = self._thread_client.smismember(ONLINE, names)
        return {name for name, flag in zip(names, flags, strict=True) if flag}

    def count(self) -> int:
        """How many users are online."""
        return int(self._thread_client.scard(ONLINE))

    def everybody(self) -> set[str]:
        """The ids of all who are online."""
        return {str(user) for user in self._thread_client.smembers(ONLINE)}

    def sockets(self, user: str) -> set[str]:
        """The ids of the user's connections, on all processes."""
        return set(self._thread_client.eval(LIVE + SOCKETS, 0, user))

    async def run(self) -> None:
        """Renew the lease with all it stands for, and clear what others left, for ever."""
        rest = min(conf().presence_lease / 40, max(conf().offline_grace / 4, 0.05), CLAIM / 4)
        while True:
            with self._patience():
                if time.monotonic() >= self._renew_at:
                    await self._renew()
                    self._renew_at = time.monotonic() + conf().presence_lease / 4
                found = await self._sweep(args=[SWEEP, CLAIM, token := next(self._tokens), SOCKETS_TTL])
                for user, is_online in zip(found[::2], found[1::2], strict=True):
                    self._tell(user, token, online=bool(is_online))
                await self._settle_claims()
            await asyncio.sleep(rest)

    def _tell(self, user: str, token: str, *, online: bool) -> None:
        self._claims[user] = token
        self._announcer.announce(user, online=online)

    async def _settle_claims(self) -> None:
        """What has been told need not be told again, and what has not been needs more time."""
        claims = [(user, token, int(not self._announcer.is_telling(user))) for user, token in self._claims.items()]
        for start in range(0, len(claims), SWEEP):
            some = claims[start : start + SWEEP]
            words: list[str | float] = [CLAIM]
            for claim in some:
                words.extend(claim)
            await self._settle(args=words)
            for user, token, is_told in some:
                if is_told and self._claims.get(user) == token:
                    del self._claims[user]

    async def _renew(self) -> None:
        """Registering all devices again costs little and repairs what an outage of Redis lost."""
        present = [(user, device) for user, devices in self._devices.items() for device in devices]
        for user, device in self._registered.keys() - set(present):
            await self._depart(user, device)
        for start in range(0, max(len(present), 1), SWEEP):
            await self._register(present[start : start + SWEEP])

    async def _register(self, pairs: list[tuple[str, str]]) -> None:
        pairs = [pair for pair in pairs if self._is_here(*pair)]
        words = [word for pair in pairs for word in pair]
        for pair in pairs:
            self._registered.setdefault(pair, False)
        token = next(self._tokens)
        for user in await self._connect(args=[self._process, conf().presence_lease, SOCKETS_TTL, CLAIM, token, *words]):
            self._tell(user, token, online=True)
        for pair in pairs:
            self._registered[pair] = True
            if not self._is_here(*pair):  # gone meanwhile: its departure may have been the quicker one
                await self._depart(*pair)

    async def _depart(self, user: str, connection: str) -> None:
        is_certain = self._registered.get((user, connection), False)
        await self._disconnect(args=[self._process, user, connection, conf().offline_grace, int(is_certain)])
        self._registered.pop((user, connection), None)

    def _is_here(self, user: str, connection: str) -> bool:
        return connection in self._devices.get(user, ())

    async def close(self) -> None:
        """Others announce who does not come back; only the two clients are closed here."""
        await self._announcer.flush()
        with self._patience():
            await self._settle_claims()
        await self._loop_client.aclose()
        self._thread_client.close()


def describe(url: str, user: str, described: dict[str, Any]) -> None:
    """Write `presence:{id}`; nothing while Redis is away."""
    thread_redis(url).run(LIVE + DESCRIBE, user, encode({"userId": user} | described).decode())
