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
    MessagePageSerializer,
    MessageSerializer,
    NewMessageSerializer,
    PageSerializer,
)

__all__ = [
    "ConversationSerializer",
    "MemberSerializer",
    "MessagePageSerializer",
    "MessageSerializer",
    "NewConversationSerializer",
    "NewMemberSerializer",
    "NewMessageSerializer",
    "PageSerializer",
    "PreferencesSerializer",
    "RoleSerializer",
    "TitleSerializer",
]
