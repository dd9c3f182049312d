"""Many who go while the lease is renewed."""

import asyncio

import pytest
import redis

from realtime.presence import Announcer
from realtime.presence_redis import RedisPresence
from tests.services import Redis


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens to who comes and goes."""
    monkeypatch.setattr("realtime.presence.presence_listeners", {})


@pytest.mark.asyncio
@pytest.mark.usefixtures("silent")
async def test_many_who_go_while_the_lease_is_renewed_do_not_end_the_presence(redis_server: Redis) -> None:
    backend = RedisPresence(Announcer(), redis_server.url)
    try:
        await asyncio.gather(*(backend.connect(f"user-{number}", "phone") for number in range(60)))
        leaving = [asyncio.create_task(backend.disconnect(f"user-{number}", "phone")) for number in range(60)]
        await asyncio.sleep(0)  # all are on their way to Redis
        try:
            await backend._renew()
        finally:
            await asyncio.gather(*leaving)
        with redis.Redis.from_url(redis_server.url) as client:
            assert list(client.scan_iter("user:*:sockets")) == []
    finally:
        await backend.close()
