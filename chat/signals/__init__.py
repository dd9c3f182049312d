"""Who hears of the chat."""

from chat.signals.conversations import membership_changed, tell_conversation
from chat.signals.mail import somebody_left
from chat.signals.messages import message_changed
from chat.signals.presence import tell_presence

__all__ = ["membership_changed", "message_changed", "somebody_left", "tell_conversation", "tell_presence"]
