"""Deliveries that arrive together: what the hub owes to the loop, to memory, and to the other wires."""

import asyncio
import random
import tracemalloc
from collections.abc import Callable
from typing import Any, cast

import pytest
from channels.layers import BaseChannelLayer

from realtime.codec import Push
from realtime.couriers import message
from realtime.hub import TOGETHER, Hub
from realtime.log_memory import MemoryLog
from realtime.outbound import Frame
from realtime.publications import Delivery, delivery
from realtime.sessions import Session
from realtime.transports.plain import PLAIN
from tests.lab.events import Page
from tests.lab.rooms import LabRoom
from tests.realtime.waiting import soon

pytestmark = pytest.mark.asyncio
NOTES = LabRoom("notes")


class Listener:
    """Of a session what the hub writes to."""

    is_opening = False

    def __init__(self, id: str, write: Callable[[Frame], None], codec: Any = PLAIN) -> None:
        self.user = type("User", (), {"id": id})()
        self.codec, self.write = codec, write


def told(number: int, exclude: Any = ()) -> Delivery:
    made = delivery([NOTES], Page(number=number, text="x" * 3000), exclude)
    assert made is not None
    return made


def hub_of(layer: Any, *listeners: Listener) -> Hub:
    hub = Hub(layer, MemoryLog())
    hub._rooms[NOTES.address] = cast(set[Session], set(listeners))
    return hub


class OneByOne(BaseChannelLayer):
    """As the layers of channels_redis: it gives one message at a time, and does not wait while there are any."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 10 * TOGETHER

    async def receive(self, channel: str) -> dict[str, Any]:
        if not self.waiting:
            await asyncio.Event().wait()
        self.waiting -= 1
        return message(told(self.waiting))


async def test_a_burst_on_a_layer_that_gives_one_message_at_a_time_lets_others_have_their_turn() -> None:
    layer = OneByOne()
    running = asyncio.create_task(hub_of(layer).run())
    turns = 0
    while layer.waiting:
        await asyncio.sleep(0)
        turns += 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert turns >= 10


async def test_what_many_hear_in_many_ways_is_not_all_in_memory_at_once() -> None:
    users = [str(number) for number in range(400)]
    some = random.Random(1)
    deliveries = [(told(number, some.sample(users, 200)), number) for number in range(TOGETHER)]
    written: list[int] = []
    hub = hub_of(OneByOne(), *[Listener(user, lambda frame: written.append(len(frame.wire))) for user in users])
    tracemalloc.start()
    hub._deliver(deliveries)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(written) > 200 * TOGETHER * 3000
    assert peak < 2_000_000


async def test_a_table_that_fails_in_any_way_does_not_keep_it_from_the_other_wires() -> None:
    class Broken:
        name = "broken"

        def push(self, push: Push) -> Frame | None:
            return cast(Any, None).frame  # type: ignore[no-any-return]

    heard: asyncio.Queue[Frame] = asyncio.Queue()
    layer = OneByOne()
    layer.waiting = 1
    listeners = Listener("1", heard.put_nowait, Broken()), Listener("2", heard.put_nowait)
    running = asyncio.create_task(hub_of(layer, *listeners).run())
    done, _ = await asyncio.wait([running, asyncio.create_task(soon(heard.get()))], return_when=asyncio.FIRST_COMPLETED)
    assert running not in done
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
