"""What clients may ask about people."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from accounts.selectors import visible_users
from realtime.commands import Payload, Reply, command
from realtime.presence import online_count, online_users
from realtime.sessions import Session


class People(Payload):
    """At most 500 ids; one that is ill-formed, unknown or blocked counts as offline."""

    user_ids: Annotated[list[str], Meta(max_length=500)]


class Statuses(Reply):
    """Whether each of them is online."""

    statuses: dict[str, bool]


class Count(Reply):
    """How many users are online."""

    count: int


@command("users.checkOnline")
def check_online(session: Session, data: People) -> Statuses:
    """Who of these people is online, as far as the asker may see them."""
    asked = {identifier for identifier in data.user_ids if _is_uuid(identifier)}
    visible = map(str, visible_users(session.user.id).filter(pk__in=asked).values_list("pk", flat=True))
    online = online_users(visible)
    return Statuses(statuses={identifier: identifier in online for identifier in data.user_ids})


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


@command("users.onlineCount")
def count_online(session: Session) -> Count:
    """How many users are online."""
    return Count(count=online_count())
