"""What clients may ask about people."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from django.conf import settings
from msgspec import Meta

from accounts import services
from accounts.models import Status, User
from accounts.presence import appearances
from accounts.selectors import hidden_count, visible_users
from realtime.commands import Payload, Reply, command
from realtime.presence import known_online, online_count
from realtime.sessions import Session
from realtime.times import iso


class People(Payload):
    """At most 500 ids; one that is ill-formed, unknown or blocked counts as offline."""

    user_ids: Annotated[list[str], Meta(max_length=500)]


class Statuses(Reply):
    """Whether each of them is online."""

    statuses: dict[str, bool]


class Count(Reply):
    """How many users are online."""

    count: int


@command("users.checkOnline", rate=settings.PRESENCE_ASK_RATE)
def check_online(session: Session, data: People) -> Statuses:
    """Who of these people is online, as far as the asker may see them."""
    asked = {identifier for identifier in data.user_ids if _is_uuid(identifier)}
    people = list(visible_users(session.user.id).filter(pk__in=asked))
    shown = appearances(session.user.id, people, known_online(str(person.pk) for person in people))
    return Statuses(
        statuses={identifier: identifier in shown and shown[identifier].is_online for identifier in data.user_ids}
    )


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


@command("users.onlineCount", rate=settings.PRESENCE_ASK_RATE)
def count_online(session: Session) -> Count:
    """How many users are online, less those who hide it from everybody."""
    return Count(count=max(online_count() - hidden_count(), 0))


class SetPresence(Payload):
    """What to be for others; what is left out is none. `offline` is invisible."""

    status: Status
    text: Annotated[str, Meta(max_length=140)] | None = None
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class OwnPresence(Reply):
    """What one is for others, whatever device says so."""

    status: str
    text: str
    expires_at: str | None

    @classmethod
    def of(cls, user: User) -> Self:
        """From the account."""
        expires_at = iso(user.status_expires_at) if user.status_expires_at else None
        return cls(status=user.status, text=user.status_text, expires_at=expires_at)


@command("presence.set", rate=settings.PRESENCE_RATE)
def set_presence(session: Session, data: SetPresence) -> OwnPresence:
    """Be online, away, busy, not to be disturbed or invisible, with a text, until a certain time."""
    user = services.set_status(
        user_id=session.user.id, status=data.status, text=data.text or "", expires_at=data.expires_at
    )
    return OwnPresence.of(user)
