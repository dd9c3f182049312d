"""Who is here, and where: what server code can ask. In a database thread of a server process (a view, a handler, a
signal); over all processes, where they share a Redis.

    if census.is_online(user.pk): ...
    census.users_in(ConversationRoom(conversation.pk))
"""

from collections.abc import Iterable

from realtime import process
from realtime.audience import Audience
from realtime.presence import backend, online_count, online_users
from realtime.rooms import Room

__all__ = [
    "active_rooms",
    "clients_in",
    "connected_clients",
    "deserted",
    "everybody_online",
    "is_online",
    "online_count",
    "online_users",
    "rooms_of",
    "sockets_of",
    "users_in",
]


def is_online(user: object) -> bool:
    """Whether any device of the user is here, or was a moment ago; whatever the user wants others to see."""
    return bool(online_users([str(user)]))


def everybody_online() -> set[str]:
    """The ids of all users who are online."""
    return backend().everybody()


def sockets_of(user: object) -> set[str]:
    """The ids of the user's connections."""
    return backend().sockets(str(user))


def users_in(room: Room) -> set[str]:
    """The ids of the users who listen in a room: of a group, its members who are here and hear it."""
    if not room.is_tracked:
        raise TypeError(f"{type(room).__name__} needs `is_tracked = True`, for all processes to know who is there")
    return _audience().users_in(room)


def rooms_of(user: object) -> set[str]:
    """The keys of the rooms in which the user listens, of the kinds that are tracked."""
    return _audience().rooms_of(str(user))


def clients_in(room: Room) -> int:
    """How many connections are in a room."""
    return _audience().clients_in([room.address])[room.address]


def deserted(rooms: Iterable[Room]) -> set[str]:
    """The addresses of those of the rooms in which nobody is."""
    counted = _audience().clients_in({room.address for room in rooms})
    return {address for address, number in counted.items() if not number}


def connected_clients() -> int:
    """How many connections there are."""
    return _audience().clients()


def active_rooms() -> set[str]:
    """The addresses of all rooms in which anybody is."""
    return _audience().rooms()


def _audience() -> Audience:
    if process.current is None:
        raise RuntimeError("Only a server process knows who listens where.")
    return process.current.audience
