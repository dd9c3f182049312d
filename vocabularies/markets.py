"""markets, at `/`: markets, creator shares, dividends, and what the system says."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from realtime.errors import ClientError
from realtime.rooms import GlobalRoom, UserRoom
from realtime.vocabulary import Ask, fields, no_payload
from vocabularies.basics import PING, address_of, own_room, shown, success

if TYPE_CHECKING:
    from realtime.auth import Identity
    from realtime.sessions import Session

PREFIXES: Final = ("user:", "global:", "market:", "creator:")


def room(user: "Identity", arguments: Sequence[Any]) -> Any:
    """The room of `{room, id?}`; of users only oneself, by address or id."""
    asked = fields("room", "id")(user, arguments)
    kind, key = asked.get("room"), asked.get("id")
    if kind == "global":
        return {"room": GlobalRoom().address}
    if kind == "user" and isinstance(key, str | None):
        if key is not None and key.lower() not in {user.id, address_of(user).lower()}:
            raise ClientError("FORBIDDEN", "You may not listen there.")
        return {"room": UserRoom(user.id).address}
    if kind not in ("market", "creator") or not isinstance(key, str):
        raise ClientError("INVALID_PAYLOAD", "Name a room: market, creator, user or global, and its id.")
    return {"room": kind, "id": key}


def subscribed(user: "Identity", data: Any) -> Any:
    """`{success, room, message}`."""
    name = shown(user, data["room"])
    return success(room=name, message=f"Subscribed to {name}")


def unsubscribed(user: "Identity", data: Any) -> Any:
    """`{success, room, message}`."""
    name = shown(user, data["room"])
    return success(room=name, message=f"Unsubscribed from {name}")


def names(user: "Identity", data: Any) -> Any:
    """A bare list."""
    return [shown(user, name) for name in data["rooms"] if name.startswith(PREFIXES)]


ASKS = {
    "subscribe": Ask("rooms.subscribe", room, ack=subscribed),
    "unsubscribe": Ask("rooms.unsubscribe", room, ack=unsubscribed),
    "getRooms": Ask("rooms.list", no_payload, ack=names),
    "ping": PING,
}


def rooms(user: "Identity") -> list[str]:
    """One's own, and what is for all."""
    return [own_room(user), GlobalRoom().address]


def greeting(session: "Session") -> tuple[str, list[Any]]:
    """`connected {userId, message, rooms}`."""
    user = session.user
    joined = [shown(user, name) for name in rooms(user)]
    return "connected", [{"userId": user.id, "message": f"Connected as {user.username}", "rooms": joined}]
