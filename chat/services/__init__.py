"""Every write of the chat. Who may not do it, or may not know of it, gets Django's own exceptions."""

from chat.services.attachments import delete_files, delete_upload, upload
from chat.services.conversations import (
    add_member,
    conversation_created,
    create_conversation,
    hand_over,
    remove_member,
)
from chat.services.messages import send_message
from chat.services.upkeep import clear_orphans, clear_unsent

__all__ = [
    "add_member",
    "clear_orphans",
    "clear_unsent",
    "conversation_created",
    "create_conversation",
    "delete_files",
    "delete_upload",
    "hand_over",
    "remove_member",
    "send_message",
    "upload",
]
