"""Who hears of the chat."""

from chat.signals.conversations import membership_changed, tell_conversation
from chat.signals.messages import message_changed
from chat.signals.presence import tell_absent, tell_appearance, tell_block, tell_block_ended, tell_presence
from chat.signals.typing import tell_typing

__all__ = [
    "membership_changed",
    "message_changed",
    "tell_absent",
    "tell_appearance",
    "tell_block",
    "tell_block_ended",
    "tell_conversation",
    "tell_presence",
    "tell_typing",
]
