"""The chat's JSON on REST, the same as on the socket."""

from chat.serializers.attachments import AttachmentSerializer, LinkSerializer, NewAttachmentSerializer
from chat.serializers.calls import CallFilterSerializer, CallSerializer, CallWithOfferSerializer
from chat.serializers.conversations import (
    ConversationSerializer,
    MemberSerializer,
    NewConversationSerializer,
    NewMemberSerializer,
    PreferencesSerializer,
    RoleSerializer,
    TitleSerializer,
)
from chat.serializers.messages import (
    DeletionSerializer,
    EditSerializer,
    EmojiSerializer,
    ListedMessageSerializer,
    MessagePageSerializer,
    MessageSerializer,
    NewMessageSerializer,
    PageSerializer,
    ReactionSerializer,
    RevisionSerializer,
)
from chat.serializers.search import SearchSerializer

__all__ = [
    "AttachmentSerializer",
    "CallFilterSerializer",
    "CallSerializer",
    "CallWithOfferSerializer",
    "ConversationSerializer",
    "DeletionSerializer",
    "EditSerializer",
    "EmojiSerializer",
    "LinkSerializer",
    "ListedMessageSerializer",
    "MemberSerializer",
    "MessagePageSerializer",
    "MessageSerializer",
    "NewAttachmentSerializer",
    "NewConversationSerializer",
    "NewMemberSerializer",
    "NewMessageSerializer",
    "PageSerializer",
    "PreferencesSerializer",
    "ReactionSerializer",
    "RevisionSerializer",
    "RoleSerializer",
    "SearchSerializer",
    "TitleSerializer",
]
