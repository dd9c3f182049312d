"""What a second review found: who may resume, when a session ends for good, and questions side by side."""

import asyncio
from typing import Any

import pytest

from accounts.models import User
from accounts.tokens import access_token
from realtime.log import PAST, Record, Stay
from realtime.process import Process
from realtime.transports.socketio.inbox import Inbox
from tests.lab.commands import gates
from tests.realtime.transports.socketio.clients import PYTHON
from tests.realtime.transports.socketio.conftest import Open
from tests.realtime.waiting import soon, until

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


async def test_a_key_logs_nobody_in_whose_client_cannot_resume(
    open_client: Open, process: Process, alice: User
) -> None:
    owner = await open_client()
    pid = (await owner.enter("/"))["pid"]
    owner.emit("/", "auth", access_token(alice))
    await owner.expect("auth-success")
    other = await open_client(PYTHON)
    await other.enter("/", {"pid": pid})
    assert len(process.hub.sessions) == 1


async def test_who_disconnects_while_a_command_runs_has_left_for_good(
    open_client: Open, process: Process, alice: User
) -> None:
    client = await open_client()
    pid = (await client.enter("/lab", {"token": access_token(alice)}))["pid"]
    await client.expect("hello")
    gates[1] = asyncio.Event()
    try:
        client.emit("/lab", "hold", 1)
        await until(lambda: bool(gates[1]._waiters))  # it runs
        client.say("41/lab,")
        await until(lambda: all(session.sink.is_closed for session in process.hub.sessions))
        again = await open_client()
        assert (await again.enter("/lab", {"token": access_token(alice), "pid": pid}))["pid"] != pid
    finally:
        gates.pop(1).set()


async def test_an_anonymous_client_whose_login_breaks_off_is_sent_to_another_connection(
    open_client: Open, process: Process, alice: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = await open_client()
    await client.enter("/realtime")
    await client.expect("connection:success")
    join = process.hub.join

    async def broken(session: Any, address: str) -> int:
        if address.startswith("user:"):
            raise ConnectionError("Redis is away")
        return await join(session, address)

    monkeypatch.setattr(process.hub, "join", broken)
    client.emit("/realtime", "auth", access_token(alice))
    await until(lambda: client.close_code is not None)
    await until(lambda: process.hub.sessions == set())
    caplog.clear()  # that Redis is away is logged, and meant to be


async def test_an_inbox_is_relaxed_until_the_last_question_is_answered() -> None:
    inbox = Inbox[str](count=1, size=100)
    with inbox.relaxed():
        with inbox.relaxed():
            pass
        for text in ("one", "two", "three"):
            await soon(inbox.put(text, 1))
    assert [await soon(inbox.get()) for _ in range(3)] == ["one", "two", "three"]


async def test_what_a_session_takes_over_of_a_lost_one_is_bounded() -> None:
    lost, record = (Record(key, "plain", None, 0) for key in ("lost", "record"))  # type: ignore[arg-type]
    lost.past = [Stay(f"lab:{number}", 0, until=number) for number in range(1, PAST + 11)]
    record.take_over(lost)
    assert len(record.past) == PAST
    assert record.began == 10  # nothing is known any more of what was left up to there
