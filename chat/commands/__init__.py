"""What clients may ask of the chat."""

from chat.commands.messages import MessageAck, SendMessage, send_message

__all__ = ["MessageAck", "SendMessage", "send_message"]
