"""Who hears of the chat."""

from chat.signals.conversations import conversation_changed, membership_changed, tell_conversation, tell_roles
from chat.signals.mail import somebody_left
from chat.signals.messages import message_changed, message_hidden, reaction_changed
from chat.signals.ownership import account_changed, somebody_changed, somebody_goes, somebody_went
from chat.signals.presence import tell_presence
from chat.signals.receipts import tell_receipt

__all__ = [
    "account_changed",
    "conversation_changed",
    "membership_changed",
    "message_changed",
    "message_hidden",
    "reaction_changed",
    "somebody_changed",
    "somebody_goes",
    "somebody_left",
    "somebody_went",
    "tell_conversation",
    "tell_presence",
    "tell_receipt",
    "tell_roles",
]
