"""Who listens where, over all processes: for other services, and for server code that asks (`realtime.census`).

The hub knows it of one process. In Redis it is known a moment later, and of all.
"""

from collections.abc import Collection
from typing import Protocol

from realtime.connected import Connected
from realtime.rooms import Room, registry


class Audience(Protocol):
    """What a backend promises."""

    def changed(self, user: str, address: str) -> None:
        """A connection of the user entered a room, or left it. On the loop."""

    def users_in(self, room: Room) -> set[str]:
        """The ids of the users who listen in a room that `is_tracked`. From any thread, not from the loop."""

    def rooms_of(self, user: str) -> set[str]:
        """The keys of the rooms that are tracked in which the user listens. From any thread, not from the loop."""

    def clients_in(self, addresses: Collection[str]) -> dict[str, int]:
        """How many connections are in each of these rooms. From any thread, not from the loop."""

    def clients(self) -> int:
        """How many connections there are. From any thread, not from the loop."""

    def rooms(self) -> set[str]:
        """The addresses of the rooms in which anybody is. From any thread, not from the loop."""

    async def run(self) -> None:
        """Do what has to be done from time to time, for ever."""

    async def close(self) -> None:
        """The process ends."""


def tracked(address: str) -> str | None:
    """The key of a room whose users all processes know; None for any other room."""
    prefix, _, key = address.partition(":")
    kind = registry.get(prefix)
    return key if kind is not None and kind.is_tracked else None


def users_here(here: Connected, address: str) -> set[str]:
    """The ids of the users who listen in a room of this process."""
    return {session.user.id for session in here.listening(address) if session.user.is_authenticated}
