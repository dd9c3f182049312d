"""REST of the chat: each method is a line or two onto a selector or a service."""

from chat.views.conversations import ConversationsView, ConversationView, OwnView
from chat.views.members import MembersView, MemberView
from chat.views.messages import MessagesView
from chat.views.search import SearchView

__all__ = [
    "ConversationView",
    "ConversationsView",
    "MemberView",
    "MembersView",
    "MessagesView",
    "OwnView",
    "SearchView",
]
