"""Who listens where, in the one server process: as its hub knows it."""

from collections.abc import Collection

from realtime.audience import tracked, users_here
from realtime.connected import Connected
from realtime.rooms import Room


class MemoryAudience:
    """Keeps nothing of its own."""

    def __init__(self, here: Connected) -> None:
        self._here = here

    def changed(self, user: str, address: str) -> None:
        """The hub knows."""

    def users_in(self, room: Room) -> set[str]:
        """The ids of the users who listen there."""
        return users_here(self._here, room.address)

    def rooms_of(self, user: str) -> set[str]:
        """The keys of the rooms that are tracked in which the user listens."""
        addresses = {address for session in self._here.connections(user) for address in tuple(session.rooms)}
        return {key for address in addresses if (key := tracked(address)) is not None}

    def clients_in(self, addresses: Collection[str]) -> dict[str, int]:
        """How many connections are in each of these rooms."""
        return {address: len(self._here.listening(address)) for address in addresses}

    def clients(self) -> int:
        """How many connections there are."""
        return len(self._here.connections())

    def rooms(self) -> set[str]:
        """The addresses of the rooms in which anybody is."""
        return set(self._here.addresses())

    async def run(self) -> None:
        """Nothing has to be done."""

    async def close(self) -> None:
        """Nothing is left."""
