"""The chat's JSON on REST, the same as on the socket."""

from chat.serializers.calls import CallFilterSerializer, CallSerializer, CallWithOfferSerializer
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
    "CallFilterSerializer",
    "CallSerializer",
    "CallWithOfferSerializer",
    "ConversationSerializer",
    "MemberSerializer",
    "MessagePageSerializer",
    "MessageSerializer",
    "NewConversationSerializer",
    "NewMemberSerializer",
    "NewMessageSerializer",
    "PageSerializer",
]
