"""Who may listen to a conversation."""

from collections.abc import Iterable
from typing import Self

from chat.selectors import conversation_ids_of, is_member
from realtime.auth import Identity
from realtime.rooms import Room


class ConversationRoom(Room, prefix="conversation"):
    """A conversation's events, for its members."""

    def allows(self, user: Identity) -> bool:
        """Members alone."""
        return is_member(conversation=self.key, user=user.id)

    @classmethod
    def automatic(cls, user: Identity) -> Iterable[Self]:
        """One's own conversations."""
        return [cls(conversation) for conversation in conversation_ids_of(user.id)]
