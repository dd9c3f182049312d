"""Packets and payloads, pure. A packet is a text whose first character is its type, or a binary message."""

import base64
from collections.abc import Iterable
from typing import Final

import msgspec

from realtime.conf import conf

OPEN: Final = "0"
CLOSE: Final = "1"
PING: Final = "2"
PONG: Final = "3"
MESSAGE: Final = "4"
UPGRADE: Final = "5"
NOOP: Final = "6"
PROBE: Final = PING + "probe"
PROBED: Final = PONG + "probe"

SEPARATOR: Final = "\x1e"
BINARY: Final = "b"  # a binary message in a payload, in base64
FROM_CLIENTS: Final = frozenset({CLOSE, PONG, MESSAGE})

Packet = str | bytes


class MalformedError(ValueError):
    """What ends a session: the client broke the protocol, this one or one above it."""


def open_packet(session_id: str, *, upgrades: list[str]) -> str:
    """The first packet of a session: what the client has to know."""
    handshake = {
        "sid": session_id,
        "upgrades": upgrades,
        "pingInterval": round(conf().heartbeat_interval * 1000),
        "pingTimeout": round(conf().heartbeat_timeout * 1000),
        "maxPayload": conf().max_payload,
    }
    return OPEN + msgspec.json.encode(handshake).decode()


def packet_type(packet: Packet) -> str:
    """The type of a packet that came from a client; MalformedError if clients send none such."""
    if isinstance(packet, bytes):
        return MESSAGE
    if packet[:1] not in FROM_CLIENTS:
        raise MalformedError("no packet of a client")
    return packet[0]


def encode_payload(packets: Iterable[Packet]) -> bytes:
    """The body of the answer to a poll."""
    return SEPARATOR.join(map(_text, packets)).encode()


def _text(packet: Packet) -> str:
    return packet if isinstance(packet, str) else BINARY + base64.b64encode(packet).decode()


def decode_payload(body: bytes | bytearray) -> list[Packet]:
    """The packets of a POST; MalformedError if a single one of them is."""
    try:
        packets = [_packet(text) for text in body.decode().split(SEPARATOR)]
    except ValueError as error:
        raise MalformedError("no payload") from error
    for packet in packets:
        packet_type(packet)
    return packets


def _packet(text: str) -> Packet:
    return base64.b64decode(text[1:], validate=True) if text[:1] == BINARY else text
