"""What clients may ask of the chat."""

from chat.commands.messages import (
    MessageAck,
    SendMessage,
    delete_message,
    edit_message,
    mark_delivered,
    mark_read,
    react,
    send_message,
)

__all__ = [
    "MessageAck",
    "SendMessage",
    "delete_message",
    "edit_message",
    "mark_delivered",
    "mark_read",
    "react",
    "send_message",
]
