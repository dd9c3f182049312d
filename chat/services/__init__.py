"""Every write of the chat. Who may not do it, or may not know of it, gets Django's own exceptions."""

from chat.services.attachments import delete_files, delete_upload, upload
from chat.services.calls import (
    accept_call,
    call_signalled,
    end_all_calls,
    end_calls_between,
    end_calls_in,
    end_calls_of,
    hang_up,
    invite_to_call,
    leave_calls,
    lose_device,
    reject_call,
    signal_call,
    time_out_call,
)
from chat.services.conversations import (
    close_conversation,
    conversation_created,
    count_change,
    create_conversation,
    end_conversation,
    rename_conversation,
    retitle_conversation,
)
from chat.services.editing import delete_message, edit_message
from chat.services.mail import note_departure, note_message, stop_mail
from chat.services.members import add_member, admit_member, remove_member
from chat.services.messages import send_message
from chat.services.moderation import delete_attachment, delete_for_all
from chat.services.preferences import set_preferences
from chat.services.reactions import add_reaction, remove_reaction
from chat.services.receipts import mark_delivered, mark_read, receipt_given
from chat.services.roles import assign_role, change_role, hand_over, lock_for_leaving, roles_changed, settle_ownership
from chat.services.upkeep import clear_orphans, clear_unsent

__all__ = [
    "accept_call",
    "add_member",
    "add_reaction",
    "admit_member",
    "assign_role",
    "call_signalled",
    "change_role",
    "clear_orphans",
    "clear_unsent",
    "close_conversation",
    "conversation_created",
    "count_change",
    "create_conversation",
    "delete_attachment",
    "delete_files",
    "delete_for_all",
    "delete_message",
    "delete_upload",
    "edit_message",
    "end_all_calls",
    "end_calls_between",
    "end_calls_in",
    "end_calls_of",
    "end_conversation",
    "hand_over",
    "hang_up",
    "invite_to_call",
    "leave_calls",
    "lock_for_leaving",
    "lose_device",
    "mark_delivered",
    "mark_read",
    "note_departure",
    "note_message",
    "receipt_given",
    "reject_call",
    "remove_member",
    "remove_reaction",
    "rename_conversation",
    "retitle_conversation",
    "roles_changed",
    "send_message",
    "set_preferences",
    "settle_ownership",
    "signal_call",
    "stop_mail",
    "time_out_call",
    "upload",
]
