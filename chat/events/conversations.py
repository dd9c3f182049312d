"""What is told of conversations."""

from typing import Self

from chat.models import Conversation, Membership
from realtime.events import DURABLE, Event
from realtime.structs import Value
from realtime.times import iso


class Member(Value):
    """A person in a conversation, as others see them."""

    user_id: str
    name: str
    avatar: str | None
    role: str

    @classmethod
    def of(cls, membership: Membership) -> Self:
        """From a membership with its user."""
        user = membership.user
        return cls(user_id=str(user.pk), name=user.name, avatar=user.avatar or None, role=membership.role)


class ConversationCreated(Event, wire="conversation.created", policy=DURABLE):
    """You are in a new conversation."""

    id: str
    kind: str
    title: str
    members: list[Member]
    created_at: str

    @classmethod
    def of(cls, conversation: Conversation) -> Self:
        """From a conversation whose memberships are written."""
        return cls(
            id=str(conversation.pk),
            kind=conversation.kind,
            title=conversation.title,
            members=[Member.of(membership) for membership in conversation.memberships.select_related("user")],
            created_at=iso(conversation.created_at),
        )


class ConversationUpdated(ConversationCreated, wire="conversation.updated", policy=DURABLE):
    """A conversation of yours is another now: somebody's role, for one."""


class MemberAdded(Event, wire="conversation.memberAdded", policy=DURABLE):
    """Somebody, perhaps you, was let into a conversation."""

    conversation_id: str
    user_id: str
    member: Member


class MemberRemoved(Event, wire="conversation.memberRemoved", policy=DURABLE):
    """Somebody, perhaps you, is in a conversation no more."""

    conversation_id: str
    user_id: str
