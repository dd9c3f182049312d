"""The chat's JSON on REST, the same as on the socket."""

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

__all__ = [
    "ConversationSerializer",
    "DeletionSerializer",
    "EditSerializer",
    "EmojiSerializer",
    "ListedMessageSerializer",
    "MemberSerializer",
    "MessagePageSerializer",
    "MessageSerializer",
    "NewConversationSerializer",
    "NewMemberSerializer",
    "NewMessageSerializer",
    "PageSerializer",
    "PreferencesSerializer",
    "ReactionSerializer",
    "RevisionSerializer",
    "RoleSerializer",
    "TitleSerializer",
]
