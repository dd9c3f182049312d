"""How people appear to others: what they have chosen to be, whether they are here, and who may see it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from accounts.contacts import not_shown_to, shown_to
from accounts.models import Audience, Status, User
from accounts.selectors import blocked_pairs

UserId = UUID | str


@dataclass(frozen=True, slots=True)
class Appearance:
    """What somebody sees of a person."""

    status: str
    text: str
    last_seen_at: datetime | None

    @property
    def is_online(self) -> bool:
        """Whether the person is here, to all appearances."""
        return self.status != Status.OFFLINE


UNSEEN: Final = Appearance(Status.OFFLINE, "", None)
"""How people appear to those who may not see them: away since nobody knows when."""


def chosen_status(user: User) -> str:
    """What the person has chosen to be, if that has not expired."""
    return str(Status.ONLINE if _has_expired(user) else user.status)


def is_invisible(user: User) -> bool:
    """Whether the person wants to appear offline."""
    return chosen_status(user) == Status.OFFLINE


def shows_presence(user: User, *, is_contact: bool) -> bool:
    """Whether others may know when the person is here, and what they do; others whom no block parts from them."""
    return not is_invisible(user) and _may_see(user.presence_shown_to, is_contact)


def sees_presence(reader: UserId, user: User) -> bool:
    """Whether this reader may."""
    return shows_presence(user, is_contact=bool(shown_to(reader, [user.pk])))


def _has_expired(user: User) -> bool:
    return user.status_expires_at is not None and user.status_expires_at <= timezone.now()


def appearance(user: User, *, is_contact: bool, is_here: bool | None = None) -> Appearance:
    """To somebody whom no block parts from the person. `is_here`: if that is known better than by the database.

    A status text is seen of those who are away, too.
    """
    if not _may_see(user.presence_shown_to, is_contact):
        return UNSEEN
    return Appearance(
        status=chosen_status(user) if (user.is_online if is_here is None else is_here) else Status.OFFLINE,
        text="" if _has_expired(user) else user.status_text,
        last_seen_at=user.last_seen_at if _may_see(user.last_seen_shown_to, is_contact) else None,
    )


def _may_see(audience: str, is_contact: bool) -> bool:
    return audience == Audience.EVERYONE or (audience == Audience.CONTACTS and is_contact)


def own_appearance(user: User, *, is_here: bool | None = None) -> Appearance:
    """To the person: as contacts see it who may see all."""
    is_here = user.is_online if is_here is None else is_here
    status = chosen_status(user) if is_here else Status.OFFLINE
    return Appearance(status, "" if _has_expired(user) else user.status_text, user.last_seen_at)


def appearances(
    reader: UserId, users: Collection[User], online: Collection[str] | None = None
) -> dict[str, Appearance]:
    """How each of the users appears to the reader, by id; `online`: who is here, if somebody knows it better."""
    blocked = blocked_pairs(reader)
    knowing = shown_to(reader, [user.pk for user in users])
    shown = {}
    for user in users:
        pk = str(user.pk)
        is_here = None if online is None else pk in online
        if pk == str(reader):
            shown[pk] = own_appearance(user, is_here=is_here)
        elif pk in blocked:
            shown[pk] = UNSEEN
        else:
            shown[pk] = appearance(user, is_contact=pk in knowing, is_here=is_here)
    return shown


def with_appearances(reader: UserId, users: Collection[User]) -> Collection[User]:
    """The users, each with an attribute `appearance`: how the reader sees them."""
    shown = appearances(reader, users)
    for user in users:
        user.appearance = shown[str(user.pk)]
    return users


def unseen_by(reader: UserId, prefix: str = "") -> Q:
    """The same rule in the database: who appears offline, blocks aside. `prefix` leads to the user (`user__`)."""
    has_expired = Q(**{f"{prefix}status_expires_at__lte": timezone.now()})
    is_invisible = Q(**{f"{prefix}status": Status.OFFLINE}) & ~has_expired
    is_shown_to_nobody = Q(**{f"{prefix}presence_shown_to": Audience.NOBODY}) & ~Q(**{f"{prefix}pk": reader})
    is_shown_to_contacts = Q(**{f"{prefix}presence_shown_to": Audience.CONTACTS}) & not_shown_to(reader, prefix)
    return is_invisible | is_shown_to_nobody | is_shown_to_contacts
