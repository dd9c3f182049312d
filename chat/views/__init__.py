"""REST of the chat: each method is a line or two onto a selector or a service."""

from chat.views.attachments import AttachmentsView, AttachmentView, FileView, LinkView, ThumbnailView
from chat.views.conversations import ConversationsView, ConversationView, MembersView, MemberView
from chat.views.messages import MessagesView

__all__ = [
    "AttachmentView",
    "AttachmentsView",
    "ConversationView",
    "ConversationsView",
    "FileView",
    "LinkView",
    "MemberView",
    "MembersView",
    "MessagesView",
    "ThumbnailView",
]
