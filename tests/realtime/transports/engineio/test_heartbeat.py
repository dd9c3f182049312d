"""Signs of life: asked for, given, missing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from realtime.transports.engineio.heartbeat import Heartbeat
from tests.realtime.waiting import until

pytestmark = pytest.mark.asyncio


class Patient:
    """Who is asked. It is given up once at most: who gives up stops."""

    def __init__(self) -> None:
        self.asked = 0
        self.was_given_up = False
        self.heartbeat = Heartbeat(self.ask, self.give_up)

    def ask(self) -> None:
        self.asked += 1

    def give_up(self) -> None:
        self.was_given_up = True


@pytest_asyncio.fixture
async def patient() -> AsyncIterator[Patient]:
    patient = Patient()
    yield patient
    patient.heartbeat.stop()


@pytest_asyncio.fixture
async def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], Awaitable[None]]:
    """`await pass_time(9)`: nine seconds on the clock of the event loop, which does not go by itself."""
    loop = asyncio.get_running_loop()
    now = loop.time()
    monkeypatch.setattr(loop, "time", lambda: now)

    async def advance(seconds: float) -> None:
        nonlocal now
        now += seconds
        for _ in range(3):  # a turn in which timers are found to be due, and one in which they run
            await asyncio.sleep(0)

    return advance


async def test_who_does_not_answer_is_given_up(patient: Patient, configure: Callable[..., None]) -> None:
    configure(heartbeat_interval=0.001, heartbeat_timeout=0.001)
    patient.heartbeat.start()
    await until(lambda: patient.was_given_up)
    assert patient.asked == 1


async def test_who_answers_is_asked_again(patient: Patient, configure: Callable[..., None]) -> None:
    configure(heartbeat_interval=0.001)
    patient.heartbeat.start()
    for number in range(1, 4):
        await until(lambda number=number: patient.asked == number)  # type: ignore[misc]
        limit = patient.heartbeat._timer
        patient.heartbeat.heard(is_pong=True)
        assert limit is not None
        assert limit.cancelled()
    assert not patient.was_given_up


async def test_an_answer_without_a_question_puts_the_question_off_no_further(
    patient: Patient, configure: Callable[..., None]
) -> None:
    configure(heartbeat_interval=0.01)
    patient.heartbeat.start()
    async with asyncio.timeout(10):
        while not patient.asked:
            patient.heartbeat.heard(is_pong=True)
            await asyncio.sleep(0)


async def test_any_packet_is_a_sign_of_life_once_the_question_is_out(
    patient: Patient, configure: Callable[..., None], pass_time: Callable[[float], Awaitable[None]]
) -> None:
    configure(heartbeat_interval=1, heartbeat_timeout=10)
    patient.heartbeat.start()
    await pass_time(1)
    assert patient.asked == 1
    given_up = []
    for _ in range(5):  # several times as long as silence would be borne
        patient.heartbeat.heard(is_pong=False)
        await pass_time(9)
        given_up.append(patient.was_given_up)
    await pass_time(1)
    assert [*given_up, patient.was_given_up] == [False] * 5 + [True]
    assert patient.asked == 1


async def test_who_could_not_be_heard_is_waited_for_again(patient: Patient, configure: Callable[..., None]) -> None:
    configure(heartbeat_interval=0.001, heartbeat_timeout=0.001)
    patient.heartbeat.start()
    await until(lambda: patient.was_given_up)
    patient.was_given_up = False
    patient.heartbeat.wait_again()
    await until(lambda: patient.was_given_up)


async def test_who_is_gone_is_not_asked(patient: Patient, configure: Callable[..., None]) -> None:
    configure(heartbeat_interval=0.0)
    patient.heartbeat.start()
    patient.heartbeat.stop()
    for _ in range(3):
        await asyncio.sleep(0)
    assert patient.asked == 0
