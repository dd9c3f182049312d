"""What is told of messages."""

from collections.abc import Iterable, Set
from typing import Self

import msgspec

from chat.models import Message, Reaction
from realtime.events import CUMULATIVE, DURABLE, Event
from realtime.structs import Value
from realtime.times import iso


class Attached(Value, omit_defaults=True):
    """A file of a message: one that was uploaded, with its `id`, or a link."""

    url: str
    type: str
    id: str | None = None
    name: str | None = None
    size: int | None = None
    width: int | None = None
    height: int | None = None
    thumbnail_url: str | None = None


class Reacted(Value):
    """Who put which emoji under a message."""

    user_id: str
    emoji: str


class MessageNew(Event, wire="message.new", policy=DURABLE):
    """Somebody said something. `position` counts within the conversation."""

    id: str
    conversation_id: str
    sender_id: str
    text: str
    position: int
    created_at: str
    ciphertext: str | None = None
    attachments: list[Attached] = []
    mentions: list[str] = []
    reply_to_id: str | None = None
    reactions: list[Reacted] = []
    edited_at: str | None = None

    @classmethod
    def of(cls, message: Message, reactions: Iterable[Reaction] = (), *, unseen: Set[str] = frozenset()) -> Self:
        """From a saved message, without what is of the people `unseen`."""
        answered = message.reply_to
        is_shown = answered is not None and str(answered.sender_id) not in unseen
        return cls(
            id=str(message.pk),
            conversation_id=str(message.conversation_id),
            sender_id=str(message.sender_id),
            text=message.text,
            ciphertext=message.ciphertext or None,
            attachments=msgspec.convert(message.attachments, list[Attached]),
            mentions=[user for user in message.mentions if user not in unseen],
            reply_to_id=str(message.reply_to_id) if is_shown else None,
            reactions=[
                Reacted(user_id=str(reaction.user_id), emoji=reaction.emoji)
                for reaction in reactions
                if str(reaction.user_id) not in unseen
            ],
            position=message.position,
            created_at=iso(message.created_at),
            edited_at=iso(message.edited_at) if message.edited_at else None,
        )


class MessageEdited(MessageNew, wire="message.edited", policy=DURABLE):
    """A message says something else now: all of it, as it is."""


class MessageDeleted(Event, wire="message.deleted", policy=DURABLE):
    """A message is gone: for all, or, told to nobody else, for oneself."""

    message_id: str
    conversation_id: str
    for_everyone: bool

    @classmethod
    def of(cls, message: Message, *, for_everyone: bool) -> Self:
        """From a message, which may be no more."""
        return cls(message_id=str(message.pk), conversation_id=str(message.conversation_id), for_everyone=for_everyone)


class MessageReaction(Event, wire="message.reaction", policy=DURABLE):
    """Somebody put an emoji under a message, or took it away."""

    message_id: str
    conversation_id: str
    user_id: str
    emoji: str
    removed: bool


class MessageReceipt(Event, wire="message.receipt", policy=CUMULATIVE("user_id", "type")):
    """A message, and all before it, was `delivered` to somebody, or `read` by them."""

    message_id: str
    conversation_id: str
    user_id: str
    type: str


class MessageAcknowledged(Event, wire="message.acknowledged", policy=DURABLE, canonical=False):
    """A message of yours that was posted over REST is stored; for families whose devices wait for it."""

    temp_id: str
    message_id: str
