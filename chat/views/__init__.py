"""REST of the chat: each method is a line or two onto a selector or a service."""

from chat.views.calls import CallsView, CallView
from chat.views.conversations import ConversationsView, ConversationView, MembersView, MemberView
from chat.views.messages import MessagesView

__all__ = [
    "CallView",
    "CallsView",
    "ConversationView",
    "ConversationsView",
    "MemberView",
    "MembersView",
    "MessagesView",
]
