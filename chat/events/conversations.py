"""What is told of conversations."""

from typing import Any, Self

from msgspec import UNSET, UnsetType

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
    joined_at: str
    joined_position: int

    @classmethod
    def of(cls, membership: Membership) -> Self:
        """From a membership with its user."""
        user = membership.user
        return cls(
            user_id=str(user.pk),
            name=user.name,
            avatar=user.avatar or None,
            role=membership.role,
            joined_at=iso(membership.joined_at),
            joined_position=membership.joined_position,
        )


class ConversationCreated(Event, wire="conversation.created", policy=DURABLE):
    """You are in a conversation that is new to you."""

    id: str
    version: int
    kind: str
    title: str
    members: list[Member]
    created_at: str
    last_message_at: str | None

    @classmethod
    def of(cls, conversation: Conversation, **own: Any) -> Self:
        """From a conversation whose memberships are written."""
        last_message_at = conversation.last_message_at
        return cls(
            id=str(conversation.pk),
            version=conversation.version,
            kind=conversation.kind,
            title=conversation.title,
            members=[Member.of(membership) for membership in conversation.memberships.select_related("user")],
            created_at=iso(conversation.created_at),
            last_message_at=iso(last_message_at) if last_message_at else None,
            **own,
        )


class ConversationUpdated(ConversationCreated, wire="conversation.updated", policy=DURABLE):
    """A conversation of yours is another now: its title, somebody's role.

    `pinned` and `muted_until` come only to the devices of the one who has changed them.
    """

    pinned: bool | UnsetType = UNSET
    muted_until: str | UnsetType | None = UNSET

    @classmethod
    def for_member(cls, membership: Membership) -> Self:
        """As one of its members has it now."""
        muted_until = membership.muted_until
        return cls.of(
            membership.conversation,
            pinned=membership.pinned_at is not None,
            muted_until=iso(muted_until) if muted_until else None,
        )


class MemberAdded(Event, wire="conversation.memberAdded", policy=DURABLE):
    """Somebody, perhaps you, was let into a conversation."""

    conversation_id: str
    version: int
    user_id: str
    member: Member


class MemberRemoved(Event, wire="conversation.memberRemoved", policy=DURABLE):
    """Somebody, perhaps you, is in a conversation no more; without `version` the conversation has ended."""

    conversation_id: str
    version: int | None
    user_id: str
