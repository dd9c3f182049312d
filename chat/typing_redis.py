"""Who is typing, over all processes that share one Redis.

Keys: `typing:{conversation}:{user}`, JSON for other services, TTL 10 s; `typing-devices:{conversation}:{user}`, until
when each device types; `typing-due`, until when each state does, for whoever finds what a killed process left.
"""

from collections.abc import Iterable
from typing import Any, Final

from django.conf import settings

from chat.typing import MARGIN
from realtime.events import encode
from realtime.redis_threads import thread_redis
from realtime.times import now

TTL: Final = 10  # seconds
OVERDUE: Final = 100  # states ended in one script

_KEYS: Final = """
local function now() local t = redis.call('TIME') return t[1] + t[2] / 1000000 end
local function keys(state) return 'typing-devices:' .. state, 'typing:' .. state end
local function forget(state)
  redis.call('DEL', keys(state))
  redis.call('ZREM', 'typing-due', state)
end
"""
# ARGV: state (conversation:user), device, seconds, JSON, its TTL. Returns 1 if no device was typing.
START: Final = """
local state, till = ARGV[1], now() + tonumber(ARGV[3])
local devices, shown = keys(state)
redis.call('ZREMRANGEBYSCORE', devices, '-inf', now())
local is_new = 1 - redis.call('EXISTS', devices)
redis.call('ZADD', devices, till, ARGV[2])
redis.call('EXPIRE', devices, math.ceil(tonumber(ARGV[3])) + 60)
redis.call('ZADD', 'typing-due', till, state)
redis.call('SET', shown, ARGV[4], 'EX', ARGV[5])
return is_new
"""
# ARGV: state, device or nothing for all. Returns 1 if that ended it.
STOP: Final = """
local state = ARGV[1]
local devices = keys(state)
if redis.call('EXISTS', devices) == 0 then return 0 end
if ARGV[2] ~= '' then
  redis.call('ZREM', devices, ARGV[2])
  redis.call('ZREMRANGEBYSCORE', devices, '-inf', now())
  if redis.call('EXISTS', devices) == 1 then return 0 end
end
forget(state)
return 1
"""
# ARGV: limit. Returns the states whose time is over.
END_OVERDUE: Final = """
local found = redis.call('ZRANGEBYSCORE', 'typing-due', '-inf', now(), 'LIMIT', 0, ARGV[1])
for _, state in ipairs(found) do forget(state) end
return found
"""


class RedisTyping:
    """Every step is one script, so that a change is told once."""

    def __init__(self, url: str) -> None:
        self._redis = thread_redis(url)

    def start(self, conversation: str, user: str, device: str) -> bool:
        """A device types, or does so still; whether none did before."""
        shown = {"userId": user, "conversationId": conversation, "isTyping": True, "lastTypingAt": now()}
        seconds = settings.CHAT_TYPING_TIMEOUT + MARGIN
        words = (f"{conversation}:{user}", device, seconds, encode(shown).decode(), TTL)
        return bool(self._redis.run(_KEYS + START, *words, default=0))

    def stop(self, conversation: str, user: str, device: str | None = None) -> bool:
        """A device types no more, or none does; whether that ends it."""
        return bool(self._redis.run(_KEYS + STOP, f"{conversation}:{user}", device or "", default=0))

    def among(self, conversations: Iterable[str], user: str) -> set[str]:
        """Those of the conversations in which the user is typing."""
        asked = list(conversations)
        if not asked:
            return set()
        keys = [f"typing:{conversation}:{user}" for conversation in asked]
        found: list[Any] = self._redis.ask(lambda client: list(client.mget(keys)), default=[])
        return {conversation for conversation, shown in zip(asked, found, strict=False) if shown}

    def overdue(self) -> list[tuple[str, str]]:
        """What nobody has ended in time; each once, whichever process asks."""
        found = self._redis.run(_KEYS + END_OVERDUE, OVERDUE, default=[])
        pairs = [state.split(":") for state in found]
        return [(conversation, user) for conversation, user in pairs]
