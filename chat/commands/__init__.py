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
from chat.commands.uploads import ReportProgress, report_progress

__all__ = [
    "MessageAck",
    "ReportProgress",
    "SendMessage",
    "delete_message",
    "edit_message",
    "mark_delivered",
    "mark_read",
    "react",
    "report_progress",
    "send_message",
]
