"""What a connection has begun is ended: in time, or with the connection, and once."""

import asyncio

import pytest

from realtime.deadlines import Deadlines
from tests.realtime.waiting import soon, until

pytestmark = pytest.mark.asyncio


async def test_an_action_runs_when_its_time_has_come_and_once() -> None:
    ran: list[int] = []
    deadlines = Deadlines()
    deadlines.set("a", 0, lambda: ran.append(1))
    await until(lambda: ran == [1])
    await soon(deadlines.end())
    assert ran == [1]


async def test_setting_it_again_begins_anew_and_nothing_forgets_it() -> None:
    ran: list[int] = []
    deadlines = Deadlines()
    for number in (1, 2):
        deadlines.set("a", 60, lambda number=number: ran.append(number))  # type: ignore[misc]
    deadlines.set("b", 60, lambda: ran.append(3))
    deadlines.set("b", 0, None)
    await soon(deadlines.end())
    assert ran == [2]


async def test_the_end_waits_for_what_runs_and_failures_keep_nobody(caplog: pytest.LogCaptureFixture) -> None:
    ran: list[int] = []
    deadlines = Deadlines()

    def fail() -> None:
        raise RuntimeError("away")

    deadlines.set("a", 60, fail)
    deadlines.set("b", 0, lambda: ran.append(1))
    await asyncio.sleep(0)
    await soon(deadlines.end())
    assert ran == [1]
    assert "could not be ended" in caplog.text
