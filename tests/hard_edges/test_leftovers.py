"""What a server could not send at once: nothing of it is lost, and nothing overtakes it."""

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from django.db import OperationalError
from django.db.models.functions import Now
from pytest_django import Settings

from accounts.models import User
from realtime import database, outbox
from realtime.models import OutboxEntry
from realtime.outbox import Relay
from realtime.process import Process
from realtime.publications import decode_publications
from realtime.publisher import Publisher
from realtime.publishing import Held, Push, publish, set_courier
from tests.lab.commands import gates
from tests.lab.events import Noted, Tick
from tests.lab.rooms import LabRoom
from tests.realtime.sockets import Socket
from tests.realtime.waiting import soon, until
from tests.realtime.wire import Wire

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True), pytest.mark.sqlite]
NOTES = LabRoom("notes")


@pytest.fixture
def change(settings: Settings) -> Callable[..., None]:
    def configure(**values: object) -> None:
        settings.REALTIME = {**settings.REALTIME, **values}

    configure(RELAY_INTERVAL=0.01, RELAY_GRACE=60)
    return configure


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest_asyncio.fixture
async def publisher(wire: Wire, change: Callable[..., None]) -> AsyncIterator[Publisher]:
    """A server's, of which nothing runs yet."""
    made = Publisher(wire)
    set_courier(made)
    yield made
    set_courier(None)


@pytest_asyncio.fixture
async def go() -> AsyncIterator[Callable[..., None]]:
    """`go(publisher.run())`: in the background, until the test ends."""
    tasks: list[asyncio.Task[None]] = []
    yield lambda *works: tasks.extend(map(asyncio.create_task, works))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def noted(number: int) -> Push:
    return Push(NOTES, Noted(number=number))


def numbers(entries: Any) -> list[int]:
    told = [publication for entry in entries for publication in decode_publications(entry.body)]
    return [int(bytes(one.data).partition(b'"number":')[2].rstrip(b"}")) for one in told if hasattr(one, "data")]


def kept() -> list[int]:
    return numbers(OutboxEntry.objects.order_by("pk"))


def due() -> list[int]:
    """What a relay, of any process, would take now."""
    return numbers(OutboxEntry.objects.filter(ready_at__lte=Now()).order_by("pk"))


async def fail(publisher: Publisher, wire: Wire) -> None:
    """The layer goes away, and the publisher notices."""
    wire.is_down = True
    publish(Push(NOTES, Tick(number=0)))
    await until(lambda: publisher.is_down)


# -- order ---------------------------------------------------------------------------------------------


async def test_no_relay_gets_what_the_loop_told_before_what_a_transaction_told_earlier(
    publisher: Publisher, wire: Wire, go: Callable[..., None]
) -> None:
    """Another process's relay may look at any moment."""
    go(publisher.run())
    await fail(publisher, wire)
    await database.run(publish, noted(1))
    publish(noted(2))
    await publisher.left.keep()
    assert await database.run(kept) == [1, 2]
    assert await database.run(due) in ([], [1, 2])


async def test_a_server_that_ends_leaves_all_of_it_to_the_others_at_once(
    publisher: Publisher, wire: Wire, go: Callable[..., None]
) -> None:
    go(publisher.run())
    await fail(publisher, wire)
    await database.run(publish, noted(1))
    publish(noted(2))
    await soon(publisher.drain())
    assert await database.run(due) == [1, 2]


async def test_what_the_loop_told_comes_after_what_waits_in_the_queue(
    publisher: Publisher, wire: Wire, change: Callable[..., None], go: Callable[..., None]
) -> None:
    change(PUBLISH_QUEUE=5)
    publisher = Publisher(wire)
    set_courier(publisher)
    wire.go.clear()
    go(publisher.run())
    publish(noted(0))
    await asyncio.sleep(0.01)  # it is being sent
    for number in range(1, 7):  # the last one is refused
        publish(noted(number))
    assert publisher.is_down
    await publisher.left.keep()
    assert await database.run(kept) == [6]
    assert await database.run(due) == []
    wire.go.set()
    go(publisher.left.run(), Relay(publisher).run())
    await until(lambda: len(wire.numbers) == 7)
    assert wire.numbers == list(range(7))


async def test_nothing_is_sent_directly_before_what_got_into_the_outbox_while_the_relay_looked(
    publisher: Publisher, wire: Wire, go: Callable[..., None]
) -> None:
    go(publisher.run())
    await fail(publisher, wire)
    wire.is_down = False
    relay, late = Relay(publisher), []
    relay._loop = type("Busy", (), {"call_soon_threadsafe": lambda self, callback: late.append(callback)})()
    await database.run(relay._pass, publisher.take_unsent())  # it finds nothing, and says so in a moment
    publish(noted(1))
    await publisher.left.keep()
    for callback in late:
        callback()
    publish(noted(2))
    go(publisher.left.run(), Relay(publisher).run())
    await until(lambda: len(wire.numbers) == 2)
    assert wire.numbers == [1, 2]


async def test_what_could_not_be_released_to_the_relay_is_so_later(
    publisher: Publisher, wire: Wire, go: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    failed, release = threading.Event(), outbox.release

    def once(ids: Any) -> None:
        if not failed.is_set():
            failed.set()
            raise OperationalError("the database is away for a moment")
        release(ids)

    monkeypatch.setattr("realtime.outbox.release", once)
    go(publisher.run())
    await fail(publisher, wire)
    await database.run(publish, noted(1))
    wire.is_down = False
    go(Relay(publisher).run())
    await until(lambda: failed.is_set() and not publisher.is_down)
    await database.run(publish, noted(2))
    await until(lambda: len(wire.numbers) == 2)
    assert wire.numbers == [1, 2]


# -- nothing is lost -----------------------------------------------------------------------------------


async def test_what_is_told_while_the_end_keeps_the_rest_is_kept_too(
    publisher: Publisher, wire: Wire, go: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    started, gate, put_behind = threading.Event(), threading.Event(), outbox.put_behind

    def wait(*arguments: Any, **more: Any) -> Any:
        started.set()
        assert gate.wait(10)
        return put_behind(*arguments, **more)

    monkeypatch.setattr("realtime.outbox.put_behind", wait)
    go(publisher.run())
    await fail(publisher, wire)
    publish(noted(1))
    draining = asyncio.create_task(publisher.drain())
    await until(started.is_set)
    publish(noted(2))
    gate.set()
    await soon(draining)
    assert await database.run(kept) == [1, 2]


async def listening(user: User) -> Socket:
    socket = await Socket(user).greeted()
    assert (await socket.call("rooms.subscribe", {"room": "lab:notes"}))["ok"]
    return socket


async def test_what_a_command_told_before_it_was_cancelled_is_sent(process: Process, alice: User, bob: User) -> None:
    """As a server does that has waited long enough for its end."""
    listener, asker = await listening(alice), await Socket(bob).greeted()
    gates[1] = asyncio.Event()
    asker.ask("lab.noteAndHold", {"number": 1})
    await until(gates[1].is_set)
    assert asker.task is not None
    asker.task.cancel()
    await asyncio.wait([asker.task])
    await until(lambda: bool(listener.events("lab.noted")))


async def test_what_a_command_told_is_sent_though_its_answer_cannot_be_made(process: Process, alice: User) -> None:
    listener = await listening(alice)

    def respond(reply: Any) -> None:
        raise KeyError("a table of the vocabulary that does not fit")

    (session,) = process.hub.sessions
    with pytest.raises(KeyError):
        await session.run("lab.noteOnLoop", b'{"number":1}', respond)
    await until(lambda: bool(listener.events("lab.noted")))


async def test_what_a_thread_tells_in_the_moment_of_the_reply_is_not_lost(
    publisher: Publisher, wire: Wire, go: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, is_over = threading.Event(), threading.Event()

    class Slow(Held):
        """Whoever looks whether it is over is then interrupted."""

        @property
        def _is_over(self) -> bool:
            over = self.__dict__.get("over", False)
            if threading.current_thread() is not threading.main_thread():
                looked.set()
                is_over.wait(0.5)
            return bool(over)

        @_is_over.setter
        def _is_over(self, over: bool) -> None:
            self.__dict__["over"] = over

    go(publisher.run())
    with Slow() as held:
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(publish, Push(NOTES, Tick(number=1))))
        thread.start()
        assert looked.wait(10)
    for batch in held:
        publisher.submit(batch)
    is_over.set()
    await asyncio.to_thread(thread.join)
    await until(lambda: wire.numbers == [1])


async def test_what_another_event_loop_tells_is_submitted_on_this_one(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tell() -> None:
        publish(Push(NOTES, Tick(number=1)))

    threads: list[threading.Thread] = []
    monkeypatch.setattr(publisher, "submit", lambda batch: threads.append(threading.current_thread()))
    await asyncio.to_thread(lambda: asyncio.run(tell()))
    await until(lambda: bool(threads))
    assert threads == [threading.current_thread()]
