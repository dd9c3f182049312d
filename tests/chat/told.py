"""Who is told of presence."""

from typing import cast

from accounts.models import User
from chat.events import PresenceChanged
from realtime.publishing import Intent, Push
from realtime.rooms import Room


def told(intents: list[Intent]) -> list[tuple[set[str], PresenceChanged]]:
    """Who is told of presence, and what; takes it out of the list."""
    pushes = [push for push in intents if isinstance(push, Push) and isinstance(push.event, PresenceChanged)]
    intents.clear()
    found = []
    for push in pushes:
        rooms = [push.rooms] if isinstance(push.rooms, Room) else list(push.rooms)
        listeners = {room.address.removeprefix("user:") for room in rooms} - set(push.exclude)
        found.append((listeners, cast(PresenceChanged, push.event)))
    return found


def ids(*users: User) -> set[str]:
    return {str(user.pk) for user in users}
