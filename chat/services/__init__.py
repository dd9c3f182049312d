"""Every write of the chat. Who may not do it, or may not know of it, gets Django's own exceptions."""

from chat.services.conversations import (
    add_member,
    conversation_created,
    create_conversation,
    hand_over,
    remove_member,
)
from chat.services.editing import delete_message, edit_message
from chat.services.messages import send_message
from chat.services.reactions import add_reaction, remove_reaction
from chat.services.receipts import mark_delivered, mark_read, receipt_given

__all__ = [
    "add_member",
    "add_reaction",
    "conversation_created",
    "create_conversation",
    "delete_message",
    "edit_message",
    "hand_over",
    "mark_delivered",
    "mark_read",
    "receipt_given",
    "remove_member",
    "remove_reaction",
    "send_message",
]
