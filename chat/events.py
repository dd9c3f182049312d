"""What the chat tells."""

from typing import Self

from chat.models import Conversation, Membership, Message
from realtime.events import DURABLE, LATEST, Event
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


class MessageNew(Event, wire="message.new", policy=DURABLE):
    """Somebody said something. `position` counts within the conversation."""

    id: str
    conversation_id: str
    sender_id: str
    text: str
    position: int
    created_at: str

    @classmethod
    def of(cls, message: Message) -> Self:
        """From a saved message."""
        return cls(
            id=str(message.pk),
            conversation_id=str(message.conversation_id),
            sender_id=str(message.sender_id),
            text=message.text,
            position=message.position,
            created_at=iso(message.created_at),
        )


class MessageAcknowledged(Event, wire="message.acknowledged", policy=DURABLE, canonical=False):
    """A message of yours that was posted over REST is stored; for families whose devices wait for it."""

    temp_id: str
    message_id: str


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


class PresenceChanged(Event, wire="presence.changed", policy=LATEST(by="user_id")):
    """Somebody with whom you share a conversation came or went."""

    user_id: str
    status: str
    text: str
    last_seen_at: str | None
