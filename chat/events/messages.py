"""What is told of messages."""

from typing import Self

from chat.models import Message
from realtime.events import DURABLE, Event
from realtime.times import iso


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
