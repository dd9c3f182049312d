"""What is told of people."""

from realtime.events import LATEST, Event


class PresenceChanged(Event, wire="presence.changed", policy=LATEST(by="user_id")):
    """Somebody with whom you share a conversation came or went."""

    user_id: str
    status: str
    text: str
    last_seen_at: str | None
