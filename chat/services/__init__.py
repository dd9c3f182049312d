"""Every write of the chat. Who may not do it, or may not know of it, gets Django's own exceptions."""

from chat.services.attachments import delete_files, delete_upload, upload
from chat.services.conversations import (
    close_conversation,
    conversation_created,
    create_conversation,
    end_conversation,
    rename_conversation,
    retitle_conversation,
)
from chat.services.editing import delete_message, edit_message
from chat.services.mail import note_departure, note_message, stop_mail
from chat.services.members import add_member, admit_member, remove_member
from chat.services.messages import send_message
from chat.services.preferences import set_preferences
from chat.services.reactions import add_reaction, remove_reaction
from chat.services.receipts import mark_delivered, mark_read, receipt_given
from chat.services.roles import assign_role, change_role, hand_over, lock_for_leaving, roles_changed, settle_ownership
from chat.services.upkeep import clear_orphans, clear_unsent

__all__ = [
    "add_member",
    "add_reaction",
    "admit_member",
    "assign_role",
    "change_role",
    "clear_orphans",
    "clear_unsent",
    "close_conversation",
    "conversation_created",
    "create_conversation",
    "delete_files",
    "delete_message",
    "delete_upload",
    "edit_message",
    "end_conversation",
    "hand_over",
    "lock_for_leaving",
    "mark_delivered",
    "mark_read",
    "note_departure",
    "note_message",
    "receipt_given",
    "remove_member",
    "remove_reaction",
    "rename_conversation",
    "retitle_conversation",
    "roles_changed",
    "send_message",
    "set_preferences",
    "settle_ownership",
    "stop_mail",
    "upload",
]
