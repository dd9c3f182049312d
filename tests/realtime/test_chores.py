"""What a server sees to from time to time."""

import asyncio
import threading
from collections.abc import Callable

import pytest
from django.db import OperationalError

from realtime import chores
from realtime.chores import Chore, chore
from tests.realtime.waiting import until

pytestmark = pytest.mark.asyncio


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`only(action, ...)`: these are all there is to do, again and again."""

    def declare(*actions: Callable[[], object]) -> None:
        found = {str(number): Chore(action, lambda: 0.001) for number, action in enumerate(actions)}
        monkeypatch.setattr(chores, "registry", found)

    return declare


async def end(running: "asyncio.Task[None]") -> None:
    running.cancel()
    await asyncio.wait([running])


async def test_it_is_done_again_and_again_in_a_database_thread(only: Callable[..., None]) -> None:
    threads: list[str] = []
    only(lambda: threads.append(threading.current_thread().name))
    running = asyncio.create_task(chores.run())
    await until(lambda: len(threads) > 3)
    await end(running)
    assert all(name.startswith("database") for name in threads)


async def test_what_fails_is_done_again_and_keeps_nothing_else_from_being_done(
    only: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []
    troubles: list[Exception] = [OperationalError("away"), ConnectionError("away"), RuntimeError("a mistake")]

    def unlucky() -> None:
        if troubles:
            raise troubles.pop()
        done.append("unlucky")

    only(unlucky, lambda: done.append("other"))
    running = asyncio.create_task(chores.run())
    await until(lambda: {"unlucky", "other"} <= set(done))
    await end(running)
    assert (caplog.text.count("has to wait"), caplog.text.count("has failed")) == (2, 1)


async def test_what_is_being_done_at_the_end_is_done_to_its_end(only: Callable[..., None]) -> None:
    began, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def slow() -> None:
        began.set()
        may_end.wait(10)
        ended.set()

    only(slow)
    running = asyncio.create_task(chores.run())
    await until(began.is_set)
    running.cancel()
    may_end.set()
    await asyncio.wait([running])
    assert ended.is_set()


async def test_without_any_nothing_is_done(only: Callable[..., None]) -> None:
    only()
    await asyncio.wait_for(chores.run(), 10)


async def test_an_app_declares_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores, "registry", {})

    @chore(lambda: 7.0)
    def sweep() -> None:
        """Nothing."""

    (declared,) = chores.registry.values()
    assert (declared.action, declared.interval()) == (sweep, 7.0)
