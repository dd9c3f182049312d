"""What a change leads to: an event for some rooms, or a change of who hears them."""

from collections.abc import Iterable
from dataclasses import dataclass

from realtime.events import Event
from realtime.publications import Admission, Disconnection, Eviction, Publication, Voiding, delivery
from realtime.rooms import Room


@dataclass(frozen=True, slots=True)
class Push:
    """Tell the event to everybody in the room, or in any of the rooms (once each), but `exclude`.

    Connections in a room of `except_for` do not hear it either, whosever they are.
    What `is_personal` is true for these listeners alone: other services are not told (see `realtime.bridge`).
    """

    rooms: Room | Iterable[Room]
    event: Event
    exclude: Iterable[str] = ()
    except_for: Iterable[Room] = ()
    is_personal: bool = False

    def publication(self) -> Publication | None:
        """Encoded; None if there is no room to tell it in."""
        rooms = [self.rooms] if isinstance(self.rooms, Room) else self.rooms
        return delivery(rooms, self.event, map(str, self.exclude), self.except_for, is_personal=self.is_personal)


@dataclass(frozen=True, slots=True)
class Admit:
    """Let the user's live connections into the room. `Room.allows` has to agree: it is asked once more (`rechecks`)."""

    user: object
    room: Room

    def publication(self) -> Publication:
        """As it travels."""
        return Admission(user=str(self.user), room=self.room.address)


@dataclass(frozen=True, slots=True)
class Evict:
    """Take the user's live connections out of the room; nothing more of it reaches them."""

    user: object
    room: Room

    def publication(self) -> Publication:
        """As it travels."""
        return Eviction(user=str(self.user), room=self.room.address)


@dataclass(frozen=True, slots=True)
class Disconnect:
    """End the user's live connections, but those whose token is of the generation `keep`."""

    user: object
    keep: str | None = None

    def publication(self) -> Publication:
        """As it travels."""
        return Disconnection(user=str(self.user), keep=self.keep)


@dataclass(frozen=True, slots=True)
class Void:
    """Tell nothing again that was told in the room before: some of it is not to be heard any more.

    Who missed any of that and comes back hears that nothing is made up for, and loads the state. With a user's room
    it is so for whatever that user missed, wherever.
    """

    room: Room

    def publication(self) -> Publication:
        """As it travels."""
        return Voiding(room=self.room.address)


Intent = Push | Admit | Evict | Disconnect | Void
