"""What is told of people."""

from typing import Self

from accounts.models import User
from accounts.presence import Appearance
from realtime.events import LATEST, Event
from realtime.times import iso


class PresenceChanged(Event, wire="presence.changed", policy=LATEST(by="user_id")):
    """A contact came or went, or is something else now; `lastSeenAt` is null where it is hidden."""

    user_id: str
    status: str
    text: str
    last_seen_at: str | None

    @classmethod
    def of(cls, user: User, shown: Appearance) -> Self:
        """From how the user appears to those who are told."""
        last_seen_at = iso(shown.last_seen_at) if shown.last_seen_at else None
        return cls(user_id=str(user.pk), status=str(shown.status), text=shown.text, last_seen_at=last_seen_at)
