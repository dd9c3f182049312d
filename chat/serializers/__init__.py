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
from chat.serializers.search import FoundMessageSerializer, SearchSerializer

__all__ = [
    "ConversationSerializer",
    "FoundMessageSerializer",
    "MemberSerializer",
    "MessagePageSerializer",
    "MessageSerializer",
    "NewConversationSerializer",
    "NewMemberSerializer",
    "NewMessageSerializer",
    "PageSerializer",
    "PreferencesSerializer",
    "RoleSerializer",
    "SearchSerializer",
    "TitleSerializer",
]
