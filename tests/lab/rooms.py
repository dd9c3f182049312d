"""A room for all, one for nobody."""

from realtime.auth import Identity
from realtime.rooms import Room


class LabRoom(Room, prefix="lab"):
    def allows(self, user: Identity) -> bool:
        return True


class VaultRoom(Room, prefix="vault"):
    def allows(self, user: Identity) -> bool:
        return False


class SharedRoom(Room, prefix="shared"):
    is_tracked = True

    def allows(self, user: Identity) -> bool:
        return True
