"""Where events are heard: an address, and who may listen there."""

import re
from collections.abc import Iterable
from typing import ClassVar, Final, Self

from realtime.auth import Identity
from realtime.errors import ClientError

PREFIX: Final = re.compile(r"[a-z][a-zA-Z0-9]{0,19}")
KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Room:
    """One room, e.g. `ConversationRoom(id)` at `conversation:ID`. Nobody may listen unless `allows` says so.

    `class ConversationRoom(Room, prefix="conversation")`
    """

    prefix: ClassVar[str]
    is_public: ClassVar[bool] = False  # whether anonymous clients may ask, where they are let in
    is_tracked: ClassVar[bool] = False  # whether all processes know who is there, by the key: it is no other room's
    __slots__ = ("key",)

    def __init_subclass__(cls, *, prefix: str) -> None:
        """Register the class; TypeError for a prefix that is ill-formed or taken."""
        if not PREFIX.fullmatch(prefix):
            raise TypeError(f"{prefix!r} is no prefix of a room: a lower-case letter, then letters and digits")
        known = registry.get(prefix)
        if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"the prefix {prefix!r} belongs to {known.__module__}.{known.__qualname__} already")
        cls.prefix = prefix
        registry[prefix] = cls

    def __init__(self, key: object) -> None:
        self.key = str(key)
        if not KEY.fullmatch(self.key):
            raise ValueError("a room's key is 1 to 64 letters, digits, '-' and '_'")

    def allows(self, user: Identity) -> bool:
        """Whether this user may listen. Runs in a database thread. Denied unless a room says otherwise."""
        return False

    def require(self, user: Identity) -> None:
        """AUTH_REQUIRED or FORBIDDEN for who may not listen. Runs in a database thread."""
        if not user.is_authenticated and not self.is_public:
            raise ClientError("AUTH_REQUIRED", "Log in to listen there.")
        if not self.allows(user):
            raise ClientError("FORBIDDEN", "You may not listen there.")

    @classmethod
    def automatic(cls, user: Identity) -> Iterable[Self]:
        """The rooms of this class that the user joins on connecting. Runs in a database thread."""
        return ()

    @property
    def address(self) -> str:
        """The room's name on the wire: `conversation:42`."""
        return f"{self.prefix}:{self.key}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.address}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Room) and self.address == other.address

    def __hash__(self) -> int:
        return hash(self.address)


registry: dict[str, type[Room]] = {}
"""Every class of rooms by its prefix."""


def parse(address: str) -> Room | None:
    """The room at an address that a client named; None if there can be none."""
    prefix, _, key = address.partition(":")
    kind = registry.get(prefix)
    return kind(key) if kind is not None and KEY.fullmatch(key) else None


def group(address: str) -> str:
    """The channel-layer group of a room's address (which holds no `.`, so no two share a group)."""
    return "room." + address.replace(":", ".")


def automatic(user: Identity) -> list[str]:
    """The addresses that the user joins on connecting, of all classes of rooms."""
    return [room.address for kind in registry.values() for room in kind.automatic(user)]


class UserRoom(Room, prefix="user"):
    """What concerns one person, on all of that person's devices."""

    __slots__ = ()

    def allows(self, user: Identity) -> bool:
        """Oneself alone."""
        return self.key == user.id

    @classmethod
    def automatic(cls, user: Identity) -> Iterable[Self]:
        """One's own."""
        return (cls(user.id),)


class GlobalRoom(Room, prefix="global"):
    """What concerns everybody who is logged in."""

    __slots__ = ()

    def __init__(self, key: object = "all") -> None:
        super().__init__(key)

    def allows(self, user: Identity) -> bool:
        """Everybody, in the one room there is."""
        return self.key == "all" and user.is_authenticated

    @classmethod
    def automatic(cls, user: Identity) -> Iterable[Self]:
        """The one room there is."""
        return (cls(),)


class SystemRoom(Room, prefix="system"):
    """What concerns every client, logged in or not. Profiles put those in it that are not in `GlobalRoom`."""

    __slots__ = ()

    def __init__(self, key: object = "all") -> None:
        super().__init__(key)

    def allows(self, user: Identity) -> bool:
        """Nobody by asking."""
        return False
