"""What clients may ask of the chat."""

from chat.commands.messages import MessageAck, SendMessage, send_message
from chat.commands.uploads import ReportProgress, report_progress

__all__ = ["MessageAck", "ReportProgress", "SendMessage", "report_progress", "send_message"]
