"""What clients may ask of the chat."""

from chat.commands import presence, typing
from chat.commands.calls import accept_call, hang_up, invite_to_call, reject_call, signal_call
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
    "accept_call",
    "delete_message",
    "edit_message",
    "hang_up",
    "invite_to_call",
    "mark_delivered",
    "mark_read",
    "presence",
    "react",
    "reject_call",
    "report_progress",
    "send_message",
    "signal_call",
    "typing",
]
