"""What clients may ask of the chat."""

from chat.commands.calls import accept_call, hang_up, invite_to_call, reject_call, signal_call
from chat.commands.messages import MessageAck, SendMessage, send_message

__all__ = [
    "MessageAck",
    "SendMessage",
    "accept_call",
    "hang_up",
    "invite_to_call",
    "reject_call",
    "send_message",
    "signal_call",
]
