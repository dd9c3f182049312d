"""Every write of the chat. Who may not do it, or may not know of it, gets Django's own exceptions."""

from chat.services.conversations import (
    add_member,
    conversation_created,
    create_conversation,
    hand_over,
    remove_member,
)
from chat.services.mail import note_departure, note_message, stop_mail
from chat.services.messages import send_message

__all__ = [
    "add_member",
    "conversation_created",
    "create_conversation",
    "hand_over",
    "note_departure",
    "note_message",
    "remove_member",
    "send_message",
    "stop_mail",
]
