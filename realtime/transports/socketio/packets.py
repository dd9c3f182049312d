"""Packets of the Socket.IO protocol, version 5, pure: to and from what Engine.IO carries.

https://github.com/socketio/socket.io-protocol, "Packet encoding". Strict, as the official parser is.
"""

import json
import re
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

import msgspec

from realtime.transports.engineio.packets import MalformedError

MAX_ATTACHMENTS: Final = 10
MAX_DEPTH: Final = 64  # of arrays and objects within each other, the event's own array included
RESERVED: Final = frozenset(
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)
_HEAD: Final = re.compile(r"([0-6])(?:(\d{1,3})-)?(?:(/[^,]*),?)?(\d{1,15}(?!\d))?", re.ASCII)
_encode: Final = msgspec.json.Encoder(decimal_format="number").encode
_decode: Final = msgspec.json.Decoder().decode


class Kind(IntEnum):
    """The first digit of a packet."""

    CONNECT = 0
    DISCONNECT = 1
    EVENT = 2
    ACK = 3
    CONNECT_ERROR = 4
    BINARY_EVENT = 5
    BINARY_ACK = 6


_KINDS: Final = tuple(Kind)
_MAY_BE_BINARY: Final = frozenset({Kind.EVENT, Kind.ACK})
_BINARY: Final = frozenset({Kind.BINARY_EVENT, Kind.BINARY_ACK})


class Packet(NamedTuple):
    """One decoded packet; `attachments` is the number of binary messages that follow."""

    kind: Kind
    namespace: str
    id: int | None
    data: Any
    attachments: int = 0


def encode(kind: Kind, namespace: str, id: int | None = None, data: Any = None) -> tuple[str | bytes, ...]:
    """The Engine.IO messages of a packet, the text with its `4`: bytes in `data` become attachments."""
    blobs: list[bytes] = []
    if kind in _MAY_BE_BINARY and _has_bytes(data):
        data = _take_out(data, blobs)
        kind = Kind.BINARY_EVENT if kind == Kind.EVENT else Kind.BINARY_ACK
    attachments = f"{len(blobs)}-" if blobs else ""
    body = "" if data is None else _encode(data).decode()
    return (f"4{kind.value}{attachments}{_space(namespace)}{'' if id is None else id}{body}", *blobs)


def encode_event(namespace: str, name: str, data: bytes, offset: str) -> str:
    """The message of an event with one argument that is JSON already, and an offset if it is not empty."""
    last = f',"{offset}"' if offset else ""
    return f'42{_space(namespace)}["{name}",{data.decode()}{last}]'


def _space(namespace: str) -> str:
    return "" if namespace == "/" else f"{namespace},"


def _has_bytes(data: Any) -> bool:
    waiting = [data]
    for one in waiting:  # which grows meanwhile
        if isinstance(one, str):
            continue
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list | tuple):
            waiting.extend(one)
        elif isinstance(one, bytes):
            return True
    return False


def _take_out(data: Any, blobs: list[bytes]) -> Any:
    if isinstance(data, bytes):
        blobs.append(data)
        return {"_placeholder": True, "num": len(blobs) - 1}
    if isinstance(data, dict):
        return {key: _take_out(value, blobs) for key, value in data.items()}
    return [_take_out(value, blobs) for value in data] if isinstance(data, list | tuple) else data


def decode(text: str) -> Packet:
    """A packet without its attachments; MalformedError if it is none."""
    head = _HEAD.match(text)
    if head is None:
        raise MalformedError("unknown packet type")
    digit, attachments, namespace, id = head.groups()
    kind = _KINDS[int(digit)]
    packet = Packet(
        kind,
        namespace=(namespace or "/").partition("?")[0],
        id=None if id is None else int(id),
        data=_data(text[head.end() :]),
        attachments=int(attachments or 0),
    )
    is_binary = kind in _BINARY
    if is_binary != (attachments is not None) or (is_binary and not 1 <= packet.attachments <= MAX_ATTACHMENTS):
        raise MalformedError("illegal attachments")
    if not _is_well_formed(packet):
        raise MalformedError("invalid payload")
    return packet


def _data(text: str) -> Any:
    if not text:
        return None
    try:
        data = _decode(text)
    except RecursionError as error:
        raise MalformedError("nested too deeply") from error
    except msgspec.DecodeError as error:
        data = _with_half_a_pair(text, error)
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_too_deep(data):
        raise MalformedError("nested too deeply")
    return data


def _is_too_deep(data: Any) -> bool:
    """Whether somebody who walks through it could run out of stack."""
    level = [data]
    for _ in range(MAX_DEPTH + 1):
        level = [inner for outer in level if isinstance(outer, dict | list) for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(outer: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return outer.values() if isinstance(outer, dict) else outer


def _with_half_a_pair(text: str, cause: Exception) -> Any:
    """Half an emoji (`\\ud83d` alone, which browsers do send) is JSON still; the rest is not."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise MalformedError("invalid JSON") from cause


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _is_well_formed(packet: Packet) -> bool:
    data = packet.data
    match packet.kind:
        case Kind.CONNECT:
            return data is None or isinstance(data, dict)
        case Kind.DISCONNECT:
            return data is None
        case Kind.CONNECT_ERROR:
            return isinstance(data, str | dict)
        case Kind.ACK | Kind.BINARY_ACK:
            return isinstance(data, list) and packet.id is not None
        case _:
            return isinstance(data, list) and bool(data) and isinstance(data[0], str) and data[0] not in RESERVED


def fill(data: Any, blobs: Sequence[bytes]) -> Any:
    """The data with its attachments in the places that it kept for them; MalformedError."""
    if isinstance(data, list):
        return [fill(value, blobs) for value in data]
    if not isinstance(data, dict):
        return data
    if data.get("_placeholder") is True:
        number = data.get("num")
        if type(number) is not int or not 0 <= number < len(blobs):
            raise MalformedError("illegal attachments")
        return blobs[number]
    return {key: fill(value, blobs) for key, value in data.items()}
