"""What the chat tells."""

from chat.events.conversations import (
    ConversationCreated,
    ConversationUpdated,
    Member,
    MemberAdded,
    MemberRemoved,
)
from chat.events.messages import MessageAcknowledged, MessageNew
from chat.events.presence import PresenceChanged
from chat.events.typing import TypingStarted, TypingStopped

__all__ = [
    "ConversationCreated",
    "ConversationUpdated",
    "Member",
    "MemberAdded",
    "MemberRemoved",
    "MessageAcknowledged",
    "MessageNew",
    "PresenceChanged",
    "TypingStarted",
    "TypingStopped",
]
