"""Every write of the chat. Who may not do it, or may not know of it, gets Django's own exceptions."""

from chat.services.conversations import (
    close_conversation,
    conversation_created,
    create_conversation,
    end_conversation,
    rename_conversation,
    retitle_conversation,
)
from chat.services.members import add_member, admit_member, remove_member
from chat.services.messages import send_message
from chat.services.preferences import set_preferences
from chat.services.roles import (
    assign_role,
    change_role,
    hand_over,
    lock_for_leaving,
    roles_changed,
    settle_ownership,
)

__all__ = [
    "add_member",
    "admit_member",
    "assign_role",
    "change_role",
    "close_conversation",
    "conversation_created",
    "create_conversation",
    "end_conversation",
    "hand_over",
    "lock_for_leaving",
    "remove_member",
    "rename_conversation",
    "retitle_conversation",
    "roles_changed",
    "send_message",
    "set_preferences",
    "settle_ownership",
]
