"""What is told of who is typing."""

from realtime.events import DROPPABLE, Event


class TypingStarted(Event, wire="typing.started", policy=DROPPABLE):
    """Somebody is typing in a conversation."""

    user_id: str
    conversation_id: str


class TypingStopped(Event, wire="typing.stopped", policy=DROPPABLE):
    """And no longer: stopped, sent it, has gone, or has not said so again for a while."""

    user_id: str
    conversation_id: str
