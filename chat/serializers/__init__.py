"""The chat's JSON on REST, the same as on the socket."""

from chat.serializers.attachments import AttachmentSerializer, LinkSerializer, NewAttachmentSerializer
from chat.serializers.conversations import (
    ConversationSerializer,
    MemberSerializer,
    NewConversationSerializer,
    NewMemberSerializer,
)
from chat.serializers.messages import (
    MessagePageSerializer,
    MessageSerializer,
    NewMessageSerializer,
    PageSerializer,
)

__all__ = [
    "AttachmentSerializer",
    "ConversationSerializer",
    "LinkSerializer",
    "MemberSerializer",
    "MessagePageSerializer",
    "MessageSerializer",
    "NewAttachmentSerializer",
    "NewConversationSerializer",
    "NewMemberSerializer",
    "NewMessageSerializer",
    "PageSerializer",
]
