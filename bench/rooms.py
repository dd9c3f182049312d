"""Where the bench is heard."""

from realtime.auth import Identity
from realtime.rooms import Room


class BenchRoom(Room, prefix="bench"):
    """Open to all: authorization is not what is measured."""

    def allows(self, user: Identity) -> bool:
        """Everybody."""
        return True
