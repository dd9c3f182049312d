"""The steps of `presence_redis.py`, each one script: nothing comes between its reads and its writes."""

from typing import Final

LIVE: Final = """
local function now() local t = redis.call('TIME') return t[1] + t[2] / 1000000 end
local function sockets(user)
  local ids = {}
  for _, socket in ipairs(redis.call('SMEMBERS', 'user:' .. user .. ':sockets')) do
    local process, id = string.match(socket, '^([^/]+)/(.*)$')
    -- By the clock that the sweep goes by: the key of the lease ends up to a millisecond later or earlier.
    if process and tonumber(redis.call('ZSCORE', 'presence:processes', process) or 0) > now() then
      ids[#ids + 1] = id
    else
      redis.call('SREM', 'user:' .. user .. ':sockets', socket)
    end
  end
  return ids
end
local function live(user) return #sockets(user) end
-- What other services may read of a user; a table without entries would become an object.
local function describe(user, described)
  local ids, list, ttl = sockets(user), '[]', 300
  if #ids > 0 then list, ttl = cjson.encode(ids), 3600 end
  described.socketIds = nil
  local text = string.sub(cjson.encode(described), 1, -2) .. ',"socketIds":' .. list .. '}'
  redis.call('SET', 'presence:' .. user, text, 'EX', ttl)
end
local function refresh(user)
  local known = redis.call('GET', 'presence:' .. user)
  if known then describe(user, cjson.decode(known)) end
end
-- A user's change has been found: whoever asked tells it, within so many seconds.
local function claim(user, token, seconds)
  redis.call('ZADD', 'presence:telling', now() + seconds, user)
  redis.call('HSET', 'presence:tellers', user, token)
end
"""
# ARGV: process, lease, ttl, claim, token, then user and connection in turn. Returns the users who are newly online.
CONNECT = """
local process, lease, ttl, new = ARGV[1], tonumber(ARGV[2]), ARGV[3], {}
redis.call('SET', 'presence:process:' .. process, 1, 'PX', math.floor(lease * 1000))
redis.call('ZADD', 'presence:processes', now() + lease, process)
for i = 6, #ARGV, 2 do
  local user, key = ARGV[i], 'user:' .. ARGV[i] .. ':sockets'
  redis.call('SADD', key, process .. '/' .. ARGV[i + 1])
  redis.call('EXPIRE', key, ttl)
  redis.call('SADD', 'presence:process:' .. process .. ':users', user)
  redis.call('SREM', 'presence:process:' .. process .. ':lapsed', user)
  redis.call('ZREM', 'presence:leaving', user)
  if redis.call('SADD', 'presence:online', user) == 1 then
    claim(user, ARGV[5], tonumber(ARGV[4]))
    new[#new + 1] = user
  end
  refresh(user)
end
return new
"""
# ARGV: process, user, connection, grace, whether the user was announced as online for certain. Then it is so even
# if Redis has forgotten it since; but not if the lease lapsed, and others have told that the user has gone.
DISCONNECT = """
local process, user, is_last = ARGV[1], ARGV[2], true
local key, mine = 'user:' .. user .. ':sockets', 'presence:process:' .. ARGV[1]
redis.call('SREM', key, process .. '/' .. ARGV[3])
for _, socket in ipairs(redis.call('SMEMBERS', key)) do
  if string.match(socket, '^[^/]+') == process then is_last = false end
end
if ARGV[5] == '1' and redis.call('SISMEMBER', mine .. ':lapsed', user) == 0 then
  redis.call('SADD', 'presence:online', user)
end
if is_last then redis.call('SREM', mine .. ':users', user) end
refresh(user)
if live(user) == 0 and redis.call('SISMEMBER', 'presence:online', user) == 1 then
  redis.call('ZADD', 'presence:leaving', now() + tonumber(ARGV[4]), user)
end
"""
# ARGV: limit, claim, token, ttl. Returns user and whether online (1 or 0) in turn: those whose grace is over, those
# whose processes are dead, and those whom another process was to tell of and has not.
SWEEP_SCRIPT = """
local limit, found = ARGV[1], {}
local function tell(user)
  claim(user, ARGV[3], tonumber(ARGV[2]))
  found[#found + 1] = user
  found[#found + 1] = redis.call('SISMEMBER', 'presence:online', user)
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
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', 'presence:processes', '-inf', now(), 'LIMIT', 0, limit)) do
  local key = 'presence:process:' .. dead
  for _, user in ipairs(redis.call('SPOP', key .. ':users', limit)) do
    redis.call('SADD', key .. ':lapsed', user)
    check(user)
  end
  redis.call('EXPIRE', key .. ':lapsed', ARGV[4])
  if redis.call('SCARD', key .. ':users') == 0 then redis.call('ZREM', 'presence:processes', dead) end
end
return found
"""
# ARGV: claim, then user, token and whether told (1 or 0) in turn. Claims that others have taken over are left alone.
SETTLE = """
for i = 2, #ARGV, 3 do
  local user, token = ARGV[i], ARGV[i + 1]
  if redis.call('HGET', 'presence:tellers', user) == token then
    if ARGV[i + 2] == '1' then
      redis.call('ZREM', 'presence:telling', user)
      redis.call('HDEL', 'presence:tellers', user)
    else
      claim(user, token, tonumber(ARGV[1]))
    end
  end
end
"""
# ARGV: user, JSON of an object. It stands for the user until somebody says otherwise, beside the sockets there are.
DESCRIBE = """
describe(ARGV[1], cjson.decode(ARGV[2]))
"""
# ARGV: user. Returns the connections that are there.
SOCKETS = """
return sockets(ARGV[1])
"""
