"""Health tells the truth, with the reasons."""

import asyncio
from typing import Any

import pytest
import redis.asyncio
from django.db import DatabaseError
from django.test import AsyncClient
from pytest_django import Settings

from realtime import views
from realtime.process import Process, _guarded
from tests.services import Redis

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


async def ask(path: str) -> tuple[int, Any]:
    answer = await AsyncClient().get(path)
    return answer.status_code, answer.json()


async def test_a_server_that_works_is_healthy_and_ready(process: Process) -> None:
    assert await ask("/healthz") == (200, {"status": "ok"})
    assert await ask("/readyz") == (200, {"status": "ok", "troubles": []})


async def test_without_its_database_it_is_alive_but_not_ready(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise DatabaseError

    monkeypatch.setattr(views, "_ask_database", away)
    assert await ask("/readyz") == (503, {"status": "unready", "troubles": ["the database does not answer"]})
    assert (await ask("/healthz"))[0] == 200


async def test_a_background_loop_that_has_stopped_makes_it_unready(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> None:
        raise RuntimeError("a bug")

    task = asyncio.create_task(_guarded("relay", broken()), name="relay")
    await asyncio.wait([task])
    process._tasks["broken"], process._tasks["relay"] = process._tasks["relay"], task
    assert await ask("/readyz") == (503, {"status": "unready", "troubles": ["the relay has stopped"]})
    assert "the relay of this process has stopped" in caplog.text
    process._tasks["relay"] = process._tasks.pop("broken")


@pytest.fixture
def on_redis(settings: Settings, redis_server: Redis) -> Redis:
    """What is started after it uses the layer on a Redis of the test's own."""
    layer = {"BACKEND": "realtime.layer_redis.RedisLayer", "CONFIG": {"url": redis_server.url}}
    settings.CHANNEL_LAYERS = {"default": layer}
    return redis_server


async def test_a_listener_that_has_ended_makes_it_unready(
    on_redis: Redis, process: Process, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the error: nobody who is connected there hears anything any more."""

    def broken(self: object, *, is_again: bool) -> None:
        raise RuntimeError("a bug")

    assert await ask("/readyz") == (200, {"status": "ok", "troubles": []})
    monkeypatch.setattr("realtime.redis_listener.Listener._begin", broken)
    async with redis.asyncio.Redis.from_url(on_redis.url) as client:
        await client.client_kill_filter(_type="pubsub")
    async with asyncio.timeout(10):
        while (answer := await ask("/readyz"))[0] == 200:
            pass
    assert answer == (503, {"status": "unready", "troubles": ["the listener has stopped"]})
    assert "the listener of this process has stopped" in caplog.text


async def test_while_it_drains_nobody_is_sent_there(process: Process) -> None:
    await process.drain()
    assert (await ask("/readyz"))[1]["troubles"] == ["draining"]


async def test_without_its_channel_layer_it_is_not_ready(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(self: object) -> None:
        raise ConnectionError

    monkeypatch.setattr("realtime.publisher.Publisher.probe", away)
    assert (await ask("/readyz"))[1]["troubles"] == ["the channel layer does not answer"]


async def test_processes_are_started_once(process: Process) -> None:
    assert await Process.started() is process


async def test_two_first_connections_start_one_process(transactional_db: None) -> None:
    first, second = await asyncio.gather(Process.started(), Process.started())
    assert first is second
    await first.stop()
