"""Who hears of the chat."""

from chat.signals.calls import call_changed, ring_who_comes, tell_signal
from chat.signals.contacts import hide_members_from_each_other, show_members_to_each_other, show_newcomer
from chat.signals.conversations import conversation_changed, membership_changed, tell_conversation, tell_roles
from chat.signals.mail import somebody_left
from chat.signals.messages import message_changed, message_hidden, reaction_changed
from chat.signals.ownership import account_changed, somebody_changed, somebody_goes, somebody_went
from chat.signals.presence import tell_absent, tell_appearance, tell_block, tell_block_ended, tell_presence
from chat.signals.receipts import tell_receipt
from chat.signals.typing import tell_typing

__all__ = [
    "account_changed",
    "call_changed",
    "conversation_changed",
    "hide_members_from_each_other",
    "membership_changed",
    "message_changed",
    "message_hidden",
    "reaction_changed",
    "ring_who_comes",
    "show_members_to_each_other",
    "show_newcomer",
    "somebody_changed",
    "somebody_goes",
    "somebody_left",
    "somebody_went",
    "tell_absent",
    "tell_appearance",
    "tell_block",
    "tell_block_ended",
    "tell_conversation",
    "tell_presence",
    "tell_receipt",
    "tell_roles",
    "tell_signal",
    "tell_typing",
]
