"""What server code can ask: one contract in memory and in Redis, on a real server."""

import time
from collections.abc import Callable
from uuid import uuid4

import pytest
import redis
from pytest_django import Settings

from accounts.models import User
from realtime import census
from realtime.rooms import GlobalRoom, Room, UserRoom
from realtime.testing import Client
from tests.lab.rooms import LabRoom, SharedRoom
from tests.services import redis_url

pytestmark = pytest.mark.django_db(transaction=True)
Connect = Callable[..., Client]


@pytest.fixture(autouse=True, params=["memory", "Redis"])
def backend(request: pytest.FixtureRequest, settings: Settings) -> str:
    """Chosen before the server starts."""
    settings.REALTIME = {**settings.REALTIME, "OFFLINE_GRACE": 0.1}
    if request.param == "Redis":
        with redis.Redis.from_url(redis_url()) as client:
            client.flushall()
        settings.REALTIME = {**settings.REALTIME, "REDIS_URL": redis_url()}
        layer = {"BACKEND": "realtime.layer_redis.RedisLayer", "CONFIG": {"url": redis_url()}}
        settings.CHANNEL_LAYERS = {"default": layer}
    return str(request.param)


@pytest.fixture
def room() -> Room:
    return SharedRoom(uuid4())


def enter(client: Client, room: Room) -> None:
    client.call("rooms.subscribe", {"room": room.address})


def soon(ask: Callable[[], object], expected: object) -> None:
    """In Redis it is known a moment later."""
    deadline = time.monotonic() + 10
    while (found := ask()) != expected:
        assert time.monotonic() < deadline, f"{found} is not {expected}"
        time.sleep(0.005)


def ids(*users: User) -> set[str]:
    return {str(user.pk) for user in users}


def test_who_is_online_is_known(connect: Connect, alice: User, bob: User) -> None:
    client = connect(alice)
    assert (census.is_online(alice.pk), census.is_online(str(bob.pk))) == (True, False)
    assert census.online_users([str(alice.pk), str(bob.pk)]) == ids(alice)
    connect(bob)
    assert (census.everybody_online(), census.online_count()) == (ids(alice, bob), 2)
    client.close()
    soon(census.everybody_online, ids(bob))


def test_the_sockets_of_a_user_are_known(connect: Connect, realtime_server: object, alice: User, bob: User) -> None:
    assert census.sockets_of(alice.pk) == set()
    devices = [connect(alice), connect(alice)]
    connect(bob)
    assert len(census.sockets_of(alice.pk)) == 2
    devices[0].close()
    soon(lambda: len(census.sockets_of(alice.pk)), 1)


def test_who_listens_in_a_room_is_known(connect: Connect, room: Room, alice: User, bob: User, carol: User) -> None:
    devices, other = [connect(alice), connect(alice)], connect(bob)
    connect(carol)
    for client in (*devices, other):
        enter(client, room)
    soon(lambda: census.users_in(room), ids(alice, bob))
    soon(lambda: census.clients_in(room), 3)
    devices[0].close()
    soon(lambda: census.clients_in(room), 2)
    assert census.users_in(room) == ids(alice, bob)
    devices[1].call("rooms.unsubscribe", {"room": room.address})
    soon(lambda: census.users_in(room), ids(bob))
    assert census.users_in(SharedRoom(uuid4())) == set()


def test_the_rooms_of_a_user_are_known(connect: Connect, room: Room, alice: User, bob: User) -> None:
    other, client = SharedRoom(uuid4()), connect(alice)
    for place in (room, other, LabRoom("untracked")):
        enter(client, place)
    soon(lambda: census.rooms_of(alice.pk), {room.key, other.key})
    client.call("rooms.unsubscribe", {"room": room.address})
    soon(lambda: census.rooms_of(alice.pk), {other.key})
    assert census.rooms_of(bob.pk) == set()
    client.close()
    soon(lambda: census.rooms_of(alice.pk), set())


def test_a_room_that_is_not_tracked_cannot_be_asked(realtime_server: object) -> None:
    with pytest.raises(TypeError, match="is_tracked"):
        census.users_in(LabRoom("untracked"))


def test_clients_and_rooms_are_counted(connect: Connect, alice: User, bob: User) -> None:
    clients = [connect(alice), connect(alice), connect(bob)]
    enter(clients[0], LabRoom("notes"))
    soon(census.connected_clients, 3)
    soon(lambda: census.clients_in(GlobalRoom()), 3)
    soon(lambda: census.clients_in(UserRoom(alice.pk)), 2)
    soon(lambda: census.deserted([LabRoom("notes"), LabRoom("left"), GlobalRoom()]), {"lab:left"})
    assert census.deserted([]) == set()
    soon(census.active_rooms, {"global:all", f"user:{alice.pk}", f"user:{bob.pk}", "lab:notes"})
    for client in clients[:2]:
        client.close()
    soon(census.connected_clients, 1)
    soon(census.active_rooms, {"global:all", f"user:{bob.pk}"})
    clients[2].close()
    soon(census.connected_clients, 0)
    soon(census.active_rooms, set())


def test_only_a_server_knows() -> None:
    with pytest.raises(RuntimeError, match="Only a server"):
        census.connected_clients()
    with pytest.raises(RuntimeError, match="Only a server"):
        census.is_online("ann")
