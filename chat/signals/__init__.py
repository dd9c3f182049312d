"""Who hears of the chat."""

from chat.signals.calls import call_changed, ring_who_comes, tell_signal
from chat.signals.conversations import membership_changed, tell_conversation
from chat.signals.messages import message_changed
from chat.signals.presence import tell_presence

__all__ = [
    "call_changed",
    "membership_changed",
    "message_changed",
    "ring_who_comes",
    "tell_conversation",
    "tell_presence",
    "tell_signal",
]
