"""The chat's data."""

from chat.models.attachments import Attachment
from chat.models.calls import Call
from chat.models.conversations import Conversation, Membership
from chat.models.mail import Departure, MailNotice
from chat.models.messages import Hidden, Message, Reaction, Revision

__all__ = [
    "Attachment",
    "Call",
    "Conversation",
    "Departure",
    "Hidden",
    "MailNotice",
    "Membership",
    "Message",
    "Reaction",
    "Revision",
]
