"""REST of the chat: each method is a line or two onto a selector or a service."""

from chat.views.attachments import AttachmentsView, AttachmentView, FileView, LinkView, ThumbnailView
from chat.views.calls import CallsView, CallView
from chat.views.conversations import ConversationsView, ConversationView, OwnView
from chat.views.members import MembersView, MemberView
from chat.views.messages import MessagesView, MessageView, RevisionsView
from chat.views.reactions import DeliveredView, ReactionsView, ReadView
from chat.views.search import SearchView
from chat.views.unsubscribe import UnsubscribeView

__all__ = [
    "AttachmentView",
    "AttachmentsView",
    "CallView",
    "CallsView",
    "ConversationView",
    "ConversationsView",
    "DeliveredView",
    "FileView",
    "LinkView",
    "MemberView",
    "MembersView",
    "MessageView",
    "MessagesView",
    "OwnView",
    "ReactionsView",
    "ReadView",
    "RevisionsView",
    "SearchView",
    "ThumbnailView",
    "UnsubscribeView",
]
