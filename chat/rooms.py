"""Who may listen to a conversation, or on a device."""

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Self
from uuid import UUID

from chat.selectors import conversation_ids_of, is_member
from realtime.auth import Identity
from realtime.rooms import Room

if TYPE_CHECKING:
    from realtime.sessions import Session


class ConversationRoom(Room, prefix="conversation"):
    """A conversation's events, for its members."""

    is_tracked = True

    def __init__(self, key: object) -> None:
        super().__init__(key)
        with suppress(ValueError):  # no such conversation: nobody is allowed in
            self.key = str(UUID(self.key))  # one spelling, one room

    def allows(self, user: Identity) -> bool:
        """Members alone."""
        return is_member(conversation=self.key, user=user.id)

    @classmethod
    def automatic(cls, user: Identity) -> Iterable[Self]:
        """One's own conversations."""
        return [cls(conversation) for conversation in conversation_ids_of(user.id)]


class DeviceRoom(Room, prefix="device"):
    """One connection, also after it was resumed. Its key begins with its user's id; the rest nobody else knows."""

    def allows(self, user: Identity) -> bool:
        """That user alone."""
        return bool(user.id) and self.key.startswith(UUID(user.id).hex)

    @classmethod
    def of(cls, session: "Session") -> Self:
        """The one that it is in, or is to join."""
        prefix = f"{cls.prefix}:"
        joined = next((address for address in list(session.rooms) if address.startswith(prefix)), None)
        return cls(joined.removeprefix(prefix) if joined else f"{UUID(session.user.id).hex}{session.id}")
