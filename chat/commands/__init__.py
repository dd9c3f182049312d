"""What clients may ask of the chat."""

from chat.commands import presence, typing
from chat.commands.messages import MessageAck, SendMessage, send_message

__all__ = ["MessageAck", "SendMessage", "presence", "send_message", "typing"]
