"""Presence over all processes that share one Redis.

Keys: `user:{id}:sockets`, a set of `process/connection` (backstop TTL 1 h); `presence:process:{id}`,
the lease under which its members count; `presence:processes`, when each lease ends;
`presence:process:{id}:users`; `presence:online`, who was announced as online; `presence:leaving`,
when the grace of each leaving user ends; `presence:telling`, who was found to be offline, and until
when whoever found it has time to take that in. Every step is one script, so that a change is announced
once, by whichever process finds it, and outlives the process that started it.
"""

import asyncio
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
from realtime.presence import Announcer
from realtime.redis_pools import TIMEOUT, loop_pool

logger = logging.getLogger(__name__)

SOCKETS_TTL: Final = 3600
SWEEP: Final = 100  # leaving users, or dead processes, in one script
CLAIM: Final = 5.0  # seconds for the answer of a sweep to arrive, before another process tells instead
ONLINE: Final = "presence:online"
TELLING: Final = "presence:telling"

_LIVE = """
local function now() local t = redis.call('TIME') return t[1] + t[2] / 1000000 end
local function live(user)
  local count = 0
  for _, socket in ipairs(redis.call('SMEMBERS', 'user:' .. user .. ':sockets')) do
    local process = string.match(socket, '^[^/]+')
    -- By the clock that the sweep goes by: the key of the lease ends up to a millisecond later or earlier.
    if tonumber(redis.call('ZSCORE', 'presence:processes', process) or 0) > now() then
      count = count + 1
    else
      redis.call('SREM', 'user:' .. user .. ':sockets', socket)
    end
  end
  return count
end
"""
# ARGV: process, lease, ttl, then user and connection in turn. Returns the users who are newly online.
CONNECT = """
local process, lease, ttl, new = ARGV[1], tonumber(ARGV[2]), ARGV[3], {}
redis.call('SET', 'presence:process:' .. process, 1, 'PX', math.floor(lease * 1000))
redis.call('ZADD', 'presence:processes', now() + lease, process)
for i = 4, #ARGV, 2 do
  local user, key = ARGV[i], 'user:' .. ARGV[i] .. ':sockets'
  redis.call('SADD', key, process .. '/' .. ARGV[i + 1])
  redis.call('EXPIRE', key, ttl)
  redis.call('SADD', 'presence:process:' .. process .. ':users', user)
  redis.call('ZREM', 'presence:leaving', user)
  redis.call('ZREM', 'presence:telling', user)
  if redis.call('SADD', 'presence:online', user) == 1 then new[#new + 1] = user end
end
return new
"""
# ARGV: process, user, connection, grace, whether this was the user's last connection in the process, whether
# the user was announced as online for certain, even if Redis has forgotten it since.
DISCONNECT = """
local process, user = ARGV[1], ARGV[2]
local key = 'user:' .. user .. ':sockets'
redis.call('SREM', key, process .. '/' .. ARGV[3])
if ARGV[6] == '1' then redis.call('SADD', 'presence:online', user) end
if ARGV[5] == '1' then redis.call('SREM', 'presence:process:' .. process .. ':users', user) end
if live(user) == 0 and redis.call('SISMEMBER', 'presence:online', user) == 1 then
  redis.call('ZADD', 'presence:leaving', now() + tonumber(ARGV[4]), user)
end
"""
# ARGV: limit, claim. Returns the users who are newly offline: grace over, or their processes dead; and those of
# whom that was returned before, but never arrived.
SWEEP_SCRIPT = """
local gone, limit, claim = {}, ARGV[1], tonumber(ARGV[2])
local function tell(user)
  redis.call('ZADD', 'presence:telling', now() + claim, user)
  gone[#gone + 1] = user
end
local function check(user)
  if live(user) == 0 and redis.call('SREM', 'presence:online', user) == 1 then tell(user) end
end
for _, user in ipairs(redis.call('ZRANGEBYSCORE', 'presence:telling', '-inf', now(), 'LIMIT', 0, limit)) do
  tell(user)
end
for _, user in ipairs(redis.call('ZRANGEBYSCORE', 'presence:leaving', '-inf', now(), 'LIMIT', 0, limit)) do
  redis.call('ZREM', 'presence:leaving', user)
  check(user)
end
for _, process in ipairs(redis.call('ZRANGEBYSCORE', 'presence:processes', '-inf', now(), 'LIMIT', 0, limit)) do
  local key = 'presence:process:' .. process .. ':users'
  for _, user in ipairs(redis.call('SPOP', key, limit)) do check(user) end
  if redis.call('SCARD', key) == 0 then redis.call('ZREM', 'presence:processes', process) end
end
return gone
"""


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
        self._connect = self._loop_client.register_script(_LIVE + CONNECT)
        self._disconnect = self._loop_client.register_script(_LIVE + DISCONNECT)
        self._sweep = self._loop_client.register_script(_LIVE + SWEEP_SCRIPT)
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

    async def run(self) -> None:
        """Renew the lease with all it stands for, and clear what others left, for ever."""
        rest = min(conf().presence_lease / 40, max(conf().offline_grace / 4, 0.05))
        while True:
            with self._patience():
                if time.monotonic() >= self._renew_at:
                    await self._renew()
                    self._renew_at = time.monotonic() + conf().presence_lease / 4
                if gone := await self._sweep(args=[SWEEP, CLAIM]):
                    for user in gone:
                        self._announcer.announce(user, online=False)
                    await self._loop_client.zrem(TELLING, *gone)
            await asyncio.sleep(rest)

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
        for user in await self._connect(args=[self._process, conf().presence_lease, SOCKETS_TTL, *words]):
            self._announcer.announce(user, online=True)
        for pair in pairs:
            self._registered[pair] = True
            if not self._is_here(*pair):  # gone meanwhile: its departure may have been the quicker one
                await self._depart(*pair)

    async def _depart(self, user: str, connection: str) -> None:
        is_last, is_certain = user not in self._devices, self._registered.get((user, connection), False)
        grace = conf().offline_grace
        await self._disconnect(args=[self._process, user, connection, grace, int(is_last), int(is_certain)])
        self._registered.pop((user, connection), None)

    def _is_here(self, user: str, connection: str) -> bool:
        return connection in self._devices.get(user, ())

    async def close(self) -> None:
        """Others announce who does not come back; only the two clients are closed here."""
        await self._announcer.flush()
        await self._loop_client.aclose()
        self._thread_client.close()
