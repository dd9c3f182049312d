"""Every write of the chat. Who may not do it, or may not know of it, gets Django's own exceptions."""

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
    add_member,
    conversation_created,
    create_conversation,
    hand_over,
    remove_member,
)
from chat.services.messages import send_message

__all__ = [
    "accept_call",
    "add_member",
    "call_signalled",
    "conversation_created",
    "create_conversation",
    "end_all_calls",
    "end_calls_between",
    "end_calls_in",
    "end_calls_of",
    "hand_over",
    "hang_up",
    "invite_to_call",
    "leave_calls",
    "lose_device",
    "reject_call",
    "remove_member",
    "send_message",
    "signal_call",
    "time_out_call",
]
