"""REST of the chat: each method is a line or two onto a selector or a service."""

from chat.views.conversations import ConversationsView, ConversationView, MembersView, MemberView
from chat.views.messages import MessagesView
from chat.views.unsubscribe import UnsubscribeView

__all__ = ["ConversationView", "ConversationsView", "MemberView", "MembersView", "MessagesView", "UnsubscribeView"]
