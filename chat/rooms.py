"""Who may listen to a conversation."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Self
from uuid import UUID

from chat.selectors import conversation_ids_of, is_member
from realtime.auth import Identity
from realtime.rooms import Room


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
