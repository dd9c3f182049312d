"""What the chat tells."""

from chat.events.conversations import (
    ConversationCreated,
    ConversationUpdated,
    Member,
    MemberAdded,
    MemberRemoved,
)
from chat.events.messages import (
    MessageAcknowledged,
    MessageDeleted,
    MessageEdited,
    MessageNew,
    MessageReaction,
    MessageReceipt,
)
from chat.events.presence import PresenceChanged
from chat.events.uploads import UploadProgress

__all__ = [
    "ConversationCreated",
    "ConversationUpdated",
    "Member",
    "MemberAdded",
    "MemberRemoved",
    "MessageAcknowledged",
    "MessageDeleted",
    "MessageEdited",
    "MessageNew",
    "MessageReaction",
    "MessageReceipt",
    "PresenceChanged",
    "UploadProgress",
]
