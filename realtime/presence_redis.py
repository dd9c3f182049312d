"""Presence over all processes that share one Redis.

Keys: `user:{id}:sockets`, a set of `process/connection` (backstop TTL 1 h); `presence:process:{id}`,
the lease under which its members count; `presence:processes`, when each lease ends;
`presence:process:{id}:users`; `presence:online`, who was announced as online; `presence:leaving`,
when the grace of each leaving user ends. Every step is one script, so that a change is announced
once, by whichever process finds it, and outlives the process that started it.
"""

import asyncio
import logging
from collections.abc import Collection
from typing import Any, Final
from uuid import uuid4

import redis
import redis.asyncio
from redis.exceptions import RedisError

from realtime.conf import conf
from realtime.presence import Announcer

logger = logging.getLogger(__name__)

SOCKETS_TTL: Final = 3600
TIMEOUT: Final = 1.0
SWEEP: Final = 100  # leaving users, or dead processes, in one script
ONLINE: Final = "presence:online"

_LIVE = """
local function live(user)
  local count = 0
  for _, socket in ipairs(redis.call('SMEMBERS', 'user:' .. user .. ':sockets')) do
    local process = string.match(socket, '^[^/]+')
    if redis.call('EXISTS', 'presence:process:' .. process) == 1 then
      count = count + 1
    else
      redis.call('SREM', 'user:' .. user .. ':sockets', socket)
    end
  end
  return count
end
local function now() local t = redis.call('TIME') return t[1] + t[2] / 1000000 end
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
  if redis.call('SADD', 'presence:online', user) == 1 then new[#new + 1] = user end
end
return new
"""
# ARGV: process, user, connection, grace, whether this was the user's last connection in the process.
DISCONNECT = """
local process, user = ARGV[1], ARGV[2]
local key = 'user:' .. user .. ':sockets'
if redis.call('SREM', key, process .. '/' .. ARGV[3]) == 0 then return 0 end
if ARGV[5] == '1' then redis.call('SREM', 'presence:process:' .. process .. ':users', user) end
if live(user) == 0 then redis.call('ZADD', 'presence:leaving', now() + tonumber(ARGV[4]), user) end
return 1
"""
# ARGV: limit. Returns the users who are newly offline: grace over, or their processes dead.
SWEEP_SCRIPT = """
local gone, limit = {}, ARGV[1]
local function check(user)
  if live(user) == 0 then
    if redis.call('SREM', 'presence:online', user) == 1 then gone[#gone + 1] = user end
  end
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
        self._process: Final = uuid4().hex
        options: dict[str, Any] = {
            "socket_timeout": TIMEOUT,
            "socket_connect_timeout": TIMEOUT,
            "decode_responses": True,
        }
        self._loop_client = redis.asyncio.Redis.from_url(url, **options)
        self._thread_client = redis.Redis.from_url(url, **options)
        self._connect = self._loop_client.register_script(_LIVE + CONNECT)
        self._disconnect = self._loop_client.register_script(_LIVE + DISCONNECT)
        self._sweep = self._loop_client.register_script(_LIVE + SWEEP_SCRIPT)
        self._devices: dict[str, set[str]] = {}

    async def connect(self, user: str, connection: str) -> None:
        """A device has come. Without Redis it is told at the next renewal of the lease."""
        self._devices.setdefault(user, set()).add(connection)
        try:
            await self._register([user, connection])
        except RedisError as error:
            logger.warning("presence waits for Redis: %r", error)

    async def disconnect(self, user: str, connection: str) -> None:
        """A device has gone, or never came. Without Redis the backstops of its keys tell, later."""
        devices = self._devices.get(user, set())
        devices.discard(connection)
        if not devices:
            self._devices.pop(user, None)
        arguments: list[str | float] = [self._process, user, connection, conf().offline_grace, int(not devices)]
        try:
            await self._disconnect(args=arguments)
        except RedisError as error:
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
        sweeps = 0
        while True:
            try:
                if sweeps % 10 == 0:
                    await self._renew()
                for user in await self._sweep(args=[SWEEP]):
                    self._announcer.announce(user, online=False)
            except RedisError as error:
                logger.warning("presence waits for Redis: %r", error)
            sweeps += 1
            await asyncio.sleep(min(conf().presence_lease / 40, max(conf().offline_grace / 4, 0.05)))

    async def _renew(self) -> None:
        """Registering all devices again costs little and repairs what an outage of Redis lost."""
        pairs = [name for user, devices in self._devices.items() for device in devices for name in (user, device)]
        for start in range(0, max(len(pairs), 1), 2 * SWEEP):
            await self._register(pairs[start : start + 2 * SWEEP])

    async def _register(self, pairs: list[str]) -> None:
        for user in await self._connect(args=[self._process, conf().presence_lease, SOCKETS_TTL, *pairs]):
            self._announcer.announce(user, online=True)

    async def close(self) -> None:
        """Others announce who does not come back; only the two clients are closed here."""
        await self._announcer.flush()
        await self._loop_client.aclose()
        self._thread_client.close()
