"""operations, at `/realtime`: dashboard, commissions, job queue."""

from typing import TYPE_CHECKING, Any

from realtime.rooms import SystemRoom
from realtime.times import now
from realtime.vocabulary import Profile
from vocabularies.basics import PING, TELLS, own_room

if TYPE_CHECKING:
    from realtime.auth import Identity
    from realtime.sessions import Session

ASKS = {"ping": PING}


def rooms(user: "Identity") -> list[str]:
    """What is for every client there is; one's own, for who is somebody."""
    return [SystemRoom().address, *([own_room(user)] if user.is_authenticated else [])]


def greeting(session: "Session") -> tuple[str, list[Any]]:
    """`connection:success {authenticated, clientId, timestamp}`."""
    return "connection:success", [
        {"authenticated": session.user.is_authenticated, "clientId": session.id, "timestamp": now()}
    ]


OPERATIONS = Profile("operations", ASKS, TELLS, rooms, greeting)
