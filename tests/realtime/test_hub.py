"""Who of this process hears what, and that nothing of anybody is left."""

import asyncio
import json
import random
import signal
from typing import Any, cast

import pytest
from channels.layers import channel_layers
from django.db import transaction
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from accounts.models import User
from chat import services
from realtime import database
from realtime.couriers import RedisCourier
from realtime.hub import Hub
from realtime.layer_memory import MemoryLayer
from realtime.layer_redis import RedisLayer
from realtime.log_memory import MemoryLog
from realtime.process import Process
from realtime.publications import EVERY_PROCESS
from realtime.publishing import Admit, Disconnect, Evict, Push, publish, set_courier
from realtime.rooms import GlobalRoom, UserRoom, group
from tests.lab.events import Noted, Tick
from tests.lab.rooms import LabRoom
from tests.realtime.sockets import Socket
from tests.realtime.waiting import soon, until
from tests.services import Redis

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]
NOTES = LabRoom("notes")


def tick(number: int, *rooms: Any, exclude: tuple[str, ...] = ()) -> None:
    publish(Push(rooms or NOTES, Tick(number=number), exclude=exclude))


def ticks(socket: Socket) -> list[int]:
    return [data["number"] for data in socket.events("lab.tick")]


async def listening(user: User, *rooms: str) -> Socket:
    socket = await Socket(user).greeted()
    for room in rooms:
        assert (await socket.call("rooms.subscribe", {"room": room}))["ok"]
    return socket


async def heard(*sockets: Socket) -> None:
    """Return when all that was told before has arrived."""
    before = {socket: ticks(socket).count(999) for socket in sockets}
    tick(999, GlobalRoom())
    for socket in sockets:
        await until(lambda socket=socket: ticks(socket).count(999) > before[socket])  # type: ignore[misc]


def traces(hub: Hub) -> list[Any]:
    """What a hub keeps of connections."""
    return [hub._rooms, hub._users, set(hub._subscribed) - set(hub._lingering), hub.sessions]


# -- delivery ------------------------------------------------------------------------------------------


async def test_a_room_is_heard_by_those_in_it(process: Process, alice: User, bob: User) -> None:
    inside, outside = await listening(alice, "lab:notes"), await listening(bob)
    tick(1)
    await heard(inside, outside)
    assert (ticks(inside), ticks(outside)) == ([1, 999], [999])


async def test_a_room_is_heard_until_its_last_member_leaves(process: Process, alice: User, bob: User) -> None:
    first, second = await listening(alice, "lab:notes"), await listening(bob, "lab:notes")
    tick(1)
    await heard(first, second)
    await first.call("rooms.unsubscribe", {"room": "lab:notes"})
    tick(2)
    await heard(first, second)
    await second.call("rooms.unsubscribe", {"room": "lab:notes"})
    tick(3)
    await heard(first, second)
    assert "lab:notes" in process.hub._lingering
    await second.call("rooms.subscribe", {"room": "lab", "id": "notes"})
    tick(4)
    await heard(first, second)
    told = [[number for number in ticks(socket) if number != 999] for socket in (first, second)]
    assert told == [[1], [1, 2, 4]]


async def test_a_broadcast_is_encoded_once_for_all(process: Process, alice: User, bob: User) -> None:
    sockets = [await listening(user, "lab:notes") for user in (alice, alice, bob)]
    tick(1)
    await heard(*sockets)
    frames = [socket.messages[-2]["text"] for socket in sockets]
    assert json.loads(frames[0])["data"] == {"number": 1}
    assert frames[1] is frames[0]
    assert frames[2] is frames[0]


async def test_who_is_excluded_hears_nothing_on_any_device(process: Process, alice: User, bob: User) -> None:
    phone, laptop, other = [await listening(user, "lab:notes") for user in (alice, alice, bob)]
    tick(1, exclude=(str(alice.pk),))
    await heard(phone, laptop, other)
    assert [ticks(socket) for socket in (phone, laptop, other)] == [[999], [999], [1, 999]]


async def test_a_connection_in_a_room_that_is_left_out_hears_nothing_but_others_of_the_same_person_do(
    process: Process, alice: User
) -> None:
    phone, laptop = await listening(alice, "lab:phone"), await listening(alice)
    publish(Push(UserRoom(alice.pk), Tick(number=1), except_for=[LabRoom("phone"), LabRoom("nowhere")]))
    await heard(phone, laptop)
    assert [ticks(socket) for socket in (phone, laptop)] == [[999], [1, 999]]


async def test_an_event_in_several_rooms_is_heard_once(process: Process, alice: User, bob: User) -> None:
    both, one = await listening(alice, "lab:notes", "lab:more"), await listening(bob, "lab:more")
    tick(1, NOTES, LabRoom("more"), UserRoom(alice.pk), NOTES)
    await heard(both, one)
    assert (ticks(both), ticks(one)) == ([1, 999], [1, 999])


async def test_everything_arrives_in_the_order_of_publishing(process: Process, alice: User) -> None:
    socket = await listening(alice, "lab:notes", "lab:more")
    for number in range(200):
        tick(number, *[[NOTES], [LabRoom("more")], [NOTES, LabRoom("more")]][number % 3])
    await heard(socket)
    assert ticks(socket) == [*range(200), 999]


# -- memberships that change ------------------------------------------------------------------------------


async def test_an_admission_and_an_eviction_reach_all_connections_of_that_user_and_no_other(
    process: Process, alice: User, bob: User
) -> None:
    phone, laptop, other = [await listening(user) for user in (alice, alice, bob)]
    await database.run(publish, Admit(alice.pk, NOTES), Push(NOTES, Noted(number=1)))
    await phone.expect("lab.noted")
    await laptop.expect("lab.noted")
    await database.run(publish, Push(NOTES, Noted(number=2)), Evict(alice.pk, NOTES), Push(NOTES, Noted(number=3)))
    await heard(phone, laptop, other)
    assert [len(socket.events("lab.noted")) for socket in (phone, laptop, other)] == [2, 2, 0]
    assert (await phone.call("rooms.list"))["data"]["rooms"] == ["global:all", f"user:{alice.pk}"]
    assert "lab:notes" in process.hub._lingering


async def test_a_revocation_ends_all_connections_but_those_of_the_generation_to_keep(
    process: Process, alice: User, bob: User
) -> None:
    devices, other = [await listening(alice) for _ in range(2)], await listening(bob)
    generation = next(s.credentials.generation for s in process.hub.sessions if s.user.id == str(alice.pk))
    await database.run(publish, Disconnect(alice.pk, keep=generation))
    assert (await devices[0].call("ping"))["ok"]
    await database.run(publish, Disconnect(alice.pk, keep="another"))
    for device in devices:
        assert await device.ended() == 4401
        assert device.events("error")[0]["code"] == "AUTH_FAILED"
    assert (await other.call("ping"))["ok"]
    assert str(alice.pk) not in process.hub._users


async def test_a_revocation_that_comes_while_the_token_is_checked_counts(
    process: Process, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    checking, go = asyncio.Event(), asyncio.Event()
    run = database.run

    async def slow(function: Any, *args: Any) -> Any:
        result = await run(function, *args)
        checking.set()
        await go.wait()
        return result

    monkeypatch.setattr("realtime.database.run", slow)
    late = Socket(alice).open()
    await soon(checking.wait())
    monkeypatch.setattr("realtime.database.run", run)
    await database.run(publish, Disconnect(alice.pk))
    await until(lambda: str(alice.pk) in process.hub._revocations)
    go.set()
    assert await late.ended() == 4401
    assert late.events("connected") == []


async def test_only_the_latest_revocations_are_remembered(
    process: Process, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.hub.REVOCATIONS", 3)
    socket = await listening(alice)
    for user in ("1", "2", "3", "4", "1", "5"):
        await database.run(publish, Disconnect(user))
    await heard(socket)
    assert list(process.hub._revocations) == ["4", "1", "5"]


async def test_a_publication_that_cannot_be_read_is_passed_over(
    process: Process, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    socket = await listening(alice, "lab:notes")
    for message in ({"body": b"nonsense"}, {"body": b'{"kind":"of the future"}'}, {}):
        await process.layer.group_send(EVERY_PROCESS, {"type": "realtime.publication", **message})
    tick(1)
    await heard(socket)
    assert ticks(socket) == [1, 999]
    assert caplog.text.count("cannot read was passed over") == 3


# -- nothing is left ------------------------------------------------------------------------------------------


@pytest.fixture
def forgetful(settings: Any) -> None:
    """Nobody comes back."""
    settings.REALTIME = {**settings.REALTIME, "RECOVERY_WINDOW": 0, "RECOVERY_SWEEP": 0.01}


async def test_nothing_is_left_of_connections_that_are_gone(
    forgetful: None, process: Process, alice: User, bob: User
) -> None:
    layer = cast(MemoryLayer, process.layer)
    sockets = [await listening(user, "lab:notes", f"lab:{n}") for n, user in enumerate([alice, alice, bob] * 5)]
    assert len(process.hub.sessions) == 15
    await asyncio.gather(*(socket.leave() for socket in sockets))
    assert not any(traces(process.hub))
    await until(lambda: set(layer._groups) == {EVERY_PROCESS})
    assert not process.hub._lingering
    assert len(layer._channels) == 1


class SlowLayer(MemoryLayer):
    """One whose answers take a while, now this one first, now that."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = random.Random(seed)

    async def group_add(self, group: str, channel: str) -> None:
        await self._dawdle()
        await super().group_add(group, channel)
        await self._dawdle()

    async def group_discard(self, group: str, channel: str) -> None:
        await self._dawdle()
        await super().group_discard(group, channel)
        await self._dawdle()

    async def _dawdle(self) -> None:
        for _ in range(self._random.randrange(4)):
            await asyncio.sleep(0)


STEPS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["lab:a", "lab:b"]), st.booleans()), max_size=40)


@hypothesis_settings(max_examples=150, deadline=None)
@given(STEPS, st.integers())
async def test_in_whatever_order_people_come_and_go_the_layer_knows_who_is_there(
    steps: list[tuple[int, str, bool]], seed: int
) -> None:
    layer = SlowLayer(seed)
    hub = Hub(layer, MemoryLog())
    await hub.open()
    sessions = [cast(Any, f"session {number}") for number in range(4)]
    last = {(number, room): joins for number, room, joins in steps}
    running: list[asyncio.Task[Any]] = []
    for number, room, joins in steps:
        running.append(
            asyncio.ensure_future(hub.join(sessions[number], room) if joins else hub.leave(sessions[number], room))
        )
        await layer._dawdle()
    await asyncio.gather(*running)
    wanted = {room for (_, room), joins in last.items() if joins}
    assert set(hub._rooms) == set(hub._subscribed) - set(hub._lingering) == wanted
    assert set(layer._groups) == {EVERY_PROCESS, *map(group, hub._subscribed)}


# -- Redis ------------------------------------------------------------------------------------------------------


@pytest.fixture
def on_redis(settings: Settings, redis_server: Redis, transactional_db: None) -> Redis:
    """What is started after it uses a Redis of the test's own."""
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "realtime.layer_redis.RedisLayer", "CONFIG": {"url": redis_server.url}}
    }
    settings.REALTIME = {**settings.REALTIME, "REDIS_URL": redis_server.url, "RELAY_INTERVAL": 0.02}
    channel_layers.backends.clear()
    return redis_server


async def test_after_a_restart_of_redis_clients_come_back_and_hear_what_comes(
    on_redis: Redis, process: Process, alice: User
) -> None:
    socket = await listening(alice, "lab:notes")
    await asyncio.to_thread(on_redis.restart)
    assert await socket.ended() == 1001
    again = await listening(alice, "lab:notes")
    for number in range(5):
        await database.run(publish, Push(NOTES, Noted(number=number)))
    async with asyncio.timeout(20):  # the first may wait in the outbox for its grace
        await until(lambda: len(again.events("lab.noted")) >= 4)
    assert process.layer is not None


async def test_without_redis_a_command_that_needs_it_fails_and_the_connection_stays(
    on_redis: Redis, process: Process, alice: User
) -> None:
    socket = await listening(alice)
    await asyncio.to_thread(on_redis.kill)
    refused = await soon(socket.call("rooms.subscribe", {"room": "lab:notes"}))
    assert refused["error"]["code"] == "INTERNAL"
    assert refused["error"]["retryAfter"] == 5
    assert (await socket.call("rooms.list"))["data"]["rooms"] == ["global:all", f"user:{alice.pk}"]
    assert "lab:notes" not in process.hub._rooms
    await asyncio.to_thread(on_redis.start)
    assert await socket.ended() == 1001
    assert not any(traces(process.hub))


async def test_without_redis_nobody_new_comes_in_and_nothing_of_them_is_left(
    on_redis: Redis, process: Process, alice: User
) -> None:
    await asyncio.to_thread(on_redis.kill)
    assert await soon(Socket(alice).open().ended()) == 1001
    assert not any(traces(process.hub))


async def test_an_admission_that_fails_sends_the_clients_away(
    on_redis: Redis, process: Process, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    socket = await listening(alice)
    await asyncio.to_thread(on_redis.kill)
    layer = cast(RedisLayer, process.layer)
    layer._queue(process.hub._channel).put_nowait(
        {"body": b'{"kind":"admit","user":"%s","room":"lab:notes"}' % str(alice.pk).encode()}
    )
    assert await socket.ended() == 1001
    assert "an admission failed" in caplog.text


# -- defects ------------------------------------------------------------------------------------------------------


async def test_who_is_let_in_hears_what_is_said_right_after_it(
    on_redis: Redis, process: Process, alice: User, bob: User
) -> None:
    socket = await listening(bob)
    set_courier(RedisCourier.connect(on_redis.url))  # another process

    def begin_and_greet(number: int) -> None:
        with transaction.atomic():
            group = services.create_conversation(creator_id=alice.pk, kind="group", title="Trip", members=[bob.pk])
            services.send_message(sender_id=alice.pk, conversation_id=group.pk, text=f"hello {number}")

    for number in range(20):
        await database.run(begin_and_greet, number)
    await until(lambda: len(socket.events("conversation.created")) == 20)
    tick(999, GlobalRoom())
    await until(lambda: len(socket.events("message.new")) == 20)


async def test_a_redis_that_hangs_does_not_make_newcomers_queue(
    on_redis: Redis, process: Process, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, most, group_add = set[str](), 0, RedisLayer.group_add

    async def counted(layer: RedisLayer, name: str, channel: str) -> None:
        nonlocal most
        waiting.add(name)
        most = max(most, len(waiting))
        try:
            await group_add(layer, name, channel)
        finally:
            waiting.discard(name)

    socket = await listening(alice)
    assert on_redis.process is not None
    on_redis.process.send_signal(signal.SIGSTOP)
    session = next(iter(process.hub.sessions))
    monkeypatch.setattr(RedisLayer, "group_add", counted)
    try:
        joins = [process.hub.join(session, f"lab:{number}") for number in range(8)]
        outcomes = await soon(asyncio.gather(*joins, return_exceptions=True))
    finally:
        on_redis.process.send_signal(signal.SIGCONT)
    assert most == 8
    assert {type(outcome) for outcome in outcomes} == {ConnectionError}
    await socket.leave()
