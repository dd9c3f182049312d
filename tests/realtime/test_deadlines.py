"""What a connection has begun is ended: in time, or with the connection, and once."""

import asyncio

import pytest

from realtime.deadlines import Deadlines, Lingering
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


# -- a grace ------------------------------------------------------------------------------------------------------


async def test_what_has_a_grace_waits_for_the_connection_to_come_back_and_the_rest_does_not() -> None:
    ran: list[str] = []
    deadlines, lingering = Deadlines(), Lingering()
    deadlines.set("typing", 60, lambda: ran.append("typing"))
    deadlines.set("call", None, lambda: ran.append("call"), grace=60)
    deadlines.set("ring", 90, lambda: ran.append("ring"), grace=60)
    lingering.leave("key", deadlines)
    await soon(deadlines.ended())
    assert ran == ["typing"]
    assert lingering.come_back("another") is None
    assert lingering.come_back("key") is deadlines
    await soon(lingering.end())
    assert ran == ["typing"]  # it is the new connection's now
    await soon(deadlines.end())
    assert ran == ["typing", "call", "ring"]


async def test_when_the_grace_is_over_it_runs_and_nothing_is_left() -> None:
    ran: list[str] = []
    deadlines, lingering = Deadlines(), Lingering()
    deadlines.set("call", None, lambda: ran.append("call"), grace=0.01)
    lingering.leave("key", deadlines)
    await until(lambda: ran == ["call"])
    assert lingering.come_back("key") is None


async def test_who_comes_back_has_the_time_that_was_left() -> None:
    ran: list[str] = []
    deadlines, lingering = Deadlines(), Lingering()
    loop = asyncio.get_running_loop()
    began = loop.time()
    deadlines.set("ring", 0.2, lambda: ran.append("ring"), grace=0.1)
    deadlines.set("call", None, lambda: ran.append("call"), grace=0.1)
    lingering.leave("key", deadlines)
    assert lingering.come_back("key") is deadlines
    await until(lambda: ran == ["ring"])
    assert loop.time() - began >= 0.2
    deadlines.set("ring", 0.001, lambda: ran.append("again"), grace=60)
    lingering.leave("key", deadlines)
    await until(lambda: "again" in ran)  # the grace makes nothing longer
    await soon(deadlines.end())


async def test_what_lingers_ends_with_the_process() -> None:
    ran: list[str] = []
    deadlines, lingering = Deadlines(), Lingering()
    deadlines.set("call", None, lambda: ran.append("call"), grace=60)
    lingering.leave("key", deadlines)
    await soon(lingering.end())
    assert ran == ["call"]
