"""Namespaces of Socket.IO clients: `/lab` for everybody, `/locked` for those with a token alone."""

import base64
from collections.abc import Sequence
from typing import Any

from realtime.auth import Identity
from realtime.rooms import UserRoom
from realtime.sessions import Session
from realtime.vocabulary import Ask, Door, Payload, Profile, Tell, each, fields, no_payload, register, whole
from tests.lab.rooms import LabRoom

BINARY = "$bytes"


def marked(value: Any) -> Any:
    """The value with its bytes in a form that JSON has."""
    if isinstance(value, bytes):
        return {BINARY: base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {key: marked(one) for key, one in value.items()}
    return [marked(one) for one in value] if isinstance(value, list | tuple) else value


def unmarked(value: Any) -> Any:
    """As it was before."""
    if isinstance(value, dict):
        if value.keys() == {BINARY}:
            return base64.b64decode(value[BINARY])
        return {key: unmarked(one) for key, one in value.items()}
    return [unmarked(one) for one in value] if isinstance(value, list) else value


def everything(user: Identity, arguments: Sequence[Any]) -> Any:
    """All arguments, whatever they are."""
    return {"args": marked(arguments)}


def in_base64(user: Identity, arguments: Sequence[Any]) -> Any:
    """All arguments; those that are binary become text."""
    return {"args": list(arguments)}


def number(user: Identity, arguments: Sequence[Any]) -> Any:
    """The only argument."""
    return {"number": arguments[0] if arguments else None}


def said(data: Any, at: float) -> Sequence[Any]:
    """The arguments that came."""
    arguments: list[Any] = unmarked(data["args"])
    return arguments


def answer(user: Identity, data: Any) -> Any:
    """The same as an acknowledgement: as many arguments as there were."""
    return tuple(said(data, 0))


def rooms(user: Identity) -> list[str]:
    """Notes, for all; one's own, for who is somebody."""
    own = [UserRoom(user.id).address] if user.is_authenticated else []
    return [LabRoom("notes").address, *own]


def greeting(session: Session) -> tuple[str, Sequence[Any]]:
    """`hello` (who, whether the session goes on)."""
    return "hello", [session.user.id, session.is_recovered]


def _ask(command: str, payload: Payload = number) -> Ask:
    return Ask(command, payload)


BACK = Tell("message-back", said)
ASKS = {
    "message": Ask("lab.say", everything, BACK, is_either=True, ack=answer),
    "message-with-ack": Ask("lab.say", everything, BACK, is_either=True, ack=answer),
    "both": Ask("lab.say", everything, BACK, ack=answer),
    "base64": Ask("lab.say", in_base64, BACK),
    "ask": Ask("lab.ask", number, BACK, is_either=True, ack=answer),
    "hold": _ask("lab.hold"),
    "note": _ask("lab.note"),
    "tick": _ask("lab.tick"),
    "everywhere": _ask("lab.everywhere"),
    "crash": _ask("lab.crash", no_payload),
    "kick": _ask("lab.kick", no_payload),
    "self": _ask("lab.self"),
    "burst": _ask("lab.burst"),
    "join": _ask("rooms.subscribe", fields("room", "id")),
    "ping": Ask("ping", no_payload, Tell("pong", whole), is_either=True),
}
TELLS = {
    "error": Tell("error", whole),
    "auth.expiring": Tell("auth.expiring", whole),
    "lab.noted": Tell("noted", each("number")),
    "lab.gauge": Tell("gauge", each("name", "value")),
    "lab.tick": Tell("tick", whole),
    "lab.page": Tell("page", whole),
    "lab.leaf": Tell("leaf", whole),
}

LAB = Profile("lab", ASKS, TELLS, rooms, greeting)
IN_BAND = Profile("lab in band", ASKS, TELLS, rooms, greeting)

register(Door(namespace="/lab", profile=LAB, anonymous=LAB))
register(Door(namespace="/locked", profile=LAB, sources=frozenset({"header"})))
register(Door(namespace="/query", profile=LAB, sources=frozenset({"header", "bare header", "query"})))
register(Door(namespace="/band", profile=LAB, in_band=IN_BAND))
register(Door(namespace="/polite", profile=LAB, anonymous=LAB, refusal="Go away"))
