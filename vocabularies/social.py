"""social, at `/ws`: friends, transactions, notifications."""

from typing import TYPE_CHECKING, Any

from django.conf import settings

from realtime.rooms import SystemRoom
from realtime.vocabulary import Ask, Profile, Tell, fields, no_payload, whole
from vocabularies.basics import PING, TELLS, own_room

if TYPE_CHECKING:
    from realtime.auth import Identity
    from realtime.sessions import Session

ASKS = {
    "users.getOnlineCount": Ask("users.onlineCount", no_payload, Tell("users.onlineCount", whole)),
    "users.checkOnline": Ask("users.checkOnline", fields("userIds"), Tell("users.onlineStatus", whole)),
    "ping": PING,
}


def rooms(user: "Identity") -> list[str]:
    """One's own; and what is for every client there is."""
    return [own_room(user), SystemRoom().address]


def greeting(session: "Session") -> tuple[str, list[Any]]:
    """`connected {userId}`."""
    return "connected", [{"userId": session.user.id}]


SOCIAL = Profile("social", ASKS, TELLS, rooms, greeting, rate=lambda: settings.SOCIAL_RATE)
