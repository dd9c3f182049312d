"""What several families say."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from realtime.rooms import UserRoom
from realtime.times import iso_unix
from realtime.vocabulary import Ask, Payload, Shape, Tell, fields, no_payload, whole

if TYPE_CHECKING:
    from realtime.auth import Identity


def envelope(name: str) -> Shape:
    """`{type, timestamp, data}`."""
    return lambda data, at: ({"type": name, "timestamp": iso_unix(at), "data": data},)


def address_of(user: "Identity") -> str:
    """What the user is addressed by: the wallet's address where there is one, else the id."""
    return str(user.claims.get("walletAddress") or user.id)


def shown(user: "Identity", room: str) -> str:
    """A room's name, with the user's own by that address."""
    return f"user:{address_of(user)}" if room == f"user:{user.id}" else room


def success(**values: Any) -> dict[str, Any]:
    """An acknowledgement in the manner of the markets family."""
    return {"success": True, **values}


def own_room(user: "Identity") -> str:
    """The room of what concerns the user alone."""
    return UserRoom(user.id).address


ATTACHMENT = ("id", "url", "type", "name", "size", "width", "height", "thumbnailUrl")


def spoken(*same: str, **names: str) -> Payload:
    """Fields of a message; these clients send empty lists, and say more of an attachment than is known here."""
    payload = fields(*same, **names)

    def said(user: "Identity", arguments: Sequence[Any]) -> Any:
        given = {name: value for name, value in payload(user, arguments).items() if value != []}
        if isinstance(attachments := given.get("attachments"), list):
            given["attachments"] = [_attachment(one) for one in attachments]
        return given

    return said


def _attachment(sent: Any) -> Any:
    if not isinstance(sent, dict):
        return sent
    return {name: sent[name] for name in ATTACHMENT if sent.get(name) is not None}


PING = Ask("ping", no_payload, Tell("pong", whole), is_either=True)

TELLS = {
    "error": Tell("error", whole),
    "auth.expiring": Tell("auth.expiring", whole),
    "system.announcement": Tell("system:announcement", envelope("system:announcement")),
}
