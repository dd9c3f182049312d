"""The steps of `audience_redis.py`, each one script."""

from typing import Final

LEASES: Final = """
local function now() local t = redis.call('TIME') return t[1] + t[2] / 1000000 end
local function living() return redis.call('ZRANGEBYSCORE', 'audience:processes', '(' .. now(), '+inf') end
-- A process knows nothing more of the user in the room; perhaps another one does.
local function left(room, user)
  for _, process in ipairs(living()) do
    if redis.call('SISMEMBER', 'audience:' .. process .. ':stays', room .. ' ' .. user) == 1 then return end
  end
  redis.call('SREM', 'room:' .. room .. ':users', user)
  redis.call('SREM', 'user:' .. user .. ':rooms', room)
end
"""
# ARGV: process, lease, ttl, connections, number of words, so many words (address and connections in turn), then room,
# user and whether there (1 or 0) in turn. Returns 0 if the lease had lapsed.
WRITE: Final = """
local process, ttl, words = ARGV[1], ARGV[3], tonumber(ARGV[5])
local rooms, stays = 'audience:' .. process .. ':rooms', 'audience:' .. process .. ':stays'
local is_known = tonumber(redis.call('ZSCORE', 'audience:processes', process) or 0) > now()
redis.call('ZADD', 'audience:processes', now() + tonumber(ARGV[2]), process)
redis.call('HSET', 'audience:clients', process, ARGV[4])
for i = 6, 5 + words, 2 do
  if ARGV[i + 1] == '0' then redis.call('HDEL', rooms, ARGV[i]) else redis.call('HSET', rooms, ARGV[i], ARGV[i + 1]) end
end
for i = 6 + words, #ARGV, 3 do
  local room, user = ARGV[i], ARGV[i + 1]
  if ARGV[i + 2] == '1' then
    redis.call('SADD', stays, room .. ' ' .. user)
    redis.call('SADD', 'room:' .. room .. ':users', user)
    redis.call('SADD', 'user:' .. user .. ':rooms', room)
    redis.call('EXPIRE', 'room:' .. room .. ':users', ttl)
    redis.call('EXPIRE', 'user:' .. user .. ':rooms', ttl)
  elseif redis.call('SREM', stays, room .. ' ' .. user) == 1 then
    left(room, user)
  end
end
return is_known and 1 or 0
"""
# ARGV: limit. Clears some of what dead processes left.
SWEEP_SCRIPT: Final = """
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', 'audience:processes', '-inf', now(), 'LIMIT', 0, ARGV[1])) do
  local key = 'audience:' .. dead
  for _, stay in ipairs(redis.call('SPOP', key .. ':stays', ARGV[1])) do
    local room, user = string.match(stay, '^(.*) (.*)$')
    left(room, user)
  end
  if redis.call('SCARD', key .. ':stays') == 0 then
    redis.call('DEL', key .. ':rooms')
    redis.call('HDEL', 'audience:clients', dead)
    redis.call('ZREM', 'audience:processes', dead)
  end
end
"""
# ARGV: addresses. Returns how many connections are in each.
CLIENTS_IN: Final = """
local processes, counts = living(), {}
for i, address in ipairs(ARGV) do
  counts[i] = 0
  for _, process in ipairs(processes) do
    counts[i] = counts[i] + tonumber(redis.call('HGET', 'audience:' .. process .. ':rooms', address) or 0)
  end
end
return counts
"""
CLIENTS: Final = """
local count = 0
for _, process in ipairs(living()) do
  count = count + tonumber(redis.call('HGET', 'audience:clients', process) or 0)
end
return count
"""
ROOMS: Final = """
local rooms = {}
for _, process in ipairs(living()) do
  for _, room in ipairs(redis.call('HKEYS', 'audience:' .. process .. ':rooms')) do rooms[#rooms + 1] = room end
end
return rooms
"""
