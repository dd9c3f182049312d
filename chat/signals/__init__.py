"""Who hears of the chat."""

from chat.signals.conversations import membership_changed, tell_conversation
from chat.signals.messages import message_changed, message_hidden, reaction_changed
from chat.signals.presence import tell_presence
from chat.signals.receipts import tell_receipt

__all__ = [
    "membership_changed",
    "message_changed",
    "message_hidden",
    "reaction_changed",
    "tell_conversation",
    "tell_presence",
    "tell_receipt",
]
