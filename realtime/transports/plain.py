"""The canonical wire, pure: frames of plain JSON to requests, and pushes, replies and errors to frames."""

import json
from typing import TYPE_CHECKING, Final

import msgspec

from realtime import rooms
from realtime.auth import Identity
from realtime.codec import Push
from realtime.conf import conf
from realtime.errors import ClientError, Close
from realtime.events import DROPPABLE, Event, encode, registry
from realtime.outbound import Frame
from realtime.times import now

if TYPE_CHECKING:
    from realtime.sessions import Session


class Connected(Event, wire="connected", policy=DROPPABLE):
    """The greeting. `heartbeat_interval` is in seconds; `offset` is where this session stands."""

    user_id: str
    connection_id: str
    rooms: list[str]
    server_time: str
    heartbeat_interval: float
    recovered: bool
    offset: str


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`{"event": NAME, "data": {...}, "id": ANY?}`; `id` and `data` stay JSON."""

    event: str
    data: msgspec.Raw = msgspec.Raw(b"{}")
    id: msgspec.Raw = msgspec.Raw()


class _WithId(msgspec.Struct, frozen=True):
    id: msgspec.Raw = msgspec.Raw()


class ProtocolError(Exception):
    """What ends the connection, with its close code."""

    def __init__(self, close: Close, reason: str) -> None:
        super().__init__(reason)
        self.close, self.reason = close, reason


class RequestError(Exception):
    """JSON of the wrong shape: the client hears of it, under its id if it sent one, and goes on."""

    def __init__(self, id: bytes, error: ClientError) -> None:
        super().__init__(error.message)
        self.id, self.error = id, error


SHAPE: Final = 'A frame is {"event": "name", "data": {...}, "id": anything}.'
_decode: Final = msgspec.json.Decoder(Request).decode
_decode_id: Final = msgspec.json.Decoder(_WithId).decode


class PlainCodec:
    """Section 1 of the contract: one JSON object a frame."""

    def decode(self, text: str) -> Request:
        """The client's request; RequestError or ProtocolError."""
        try:
            return _decode(text)
        except msgspec.ValidationError as error:
            raise RequestError(_id(text), ClientError("INVALID_PAYLOAD", f"{error}. {SHAPE}")) from error
        except RecursionError as error:
            raise RequestError(b"", ClientError("INVALID_PAYLOAD", "The JSON is nested too deeply.")) from error
        except msgspec.DecodeError as error:
            raise _undecodable(text) from error

    name = "plain"
    greets_first = True

    def push(self, push: Push) -> Frame | None:
        """`{"event": NAME, "data": {...}, "offset": STR?}`; with `offset` if it can be recovered."""
        event = registry.get(push.name)
        if event is not None and not event.canonical:
            return None
        offset = f',"offset":"{push.offset}"' if push.policy == "durable" else ""
        text = f'{{"event":"{push.name}","data":{push.data.decode()}{offset}}}'
        return Frame.of(text, is_droppable=push.policy == "droppable")

    def greeting(self, session: "Session") -> Frame:
        """`connected`."""
        connected = Connected(
            user_id=session.user.id,
            connection_id=session.id,
            rooms=sorted(session.rooms),
            server_time=now(),
            heartbeat_interval=conf().heartbeat_interval,
            recovered=session.is_recovered,
            offset=session.offset,
        )
        return Frame.of(f'{{"event":"connected","data":{encode(connected).decode()}}}')

    def admits(self, address: str) -> bool:
        """Every room."""
        return True

    def automatic(self, user: Identity) -> list[str]:
        """What each class of rooms says."""
        return rooms.automatic(user)

    def reply(self, id: bytes, reply: bytes | ClientError) -> Frame | None:
        """The answer to a request: under its id, or without one an `error` if it failed."""
        if isinstance(reply, ClientError):
            body = encode(reply.body()).decode()
            if not id:
                return Frame.of(f'{{"event":"error","data":{body}}}')
            return Frame.of(f'{{"event":"reply","id":{id.decode()},"ok":false,"error":{body}}}')
        if not id:
            return None
        return Frame.of(f'{{"event":"reply","id":{id.decode()},"ok":true,"data":{reply.decode()}}}')


def _id(text: str) -> bytes:
    """The id of a request that is ill-shaped otherwise, if it has one."""
    try:
        return bytes(_decode_id(text).id)
    except (msgspec.MsgspecError, RecursionError):
        return b""


def _undecodable(text: str) -> RequestError | ProtocolError:
    """Half an emoji (`\\ud83d` alone, which browsers do send) is JSON still; the rest is not."""
    try:
        frame = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return ProtocolError(Close.NOT_JSON, "not JSON")
    identifier = json.dumps(frame["id"]).encode() if isinstance(frame, dict) and "id" in frame else b""
    return RequestError(identifier, ClientError("INVALID_PAYLOAD", "The text holds half of a surrogate pair."))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


PLAIN: Final = PlainCodec()
"""The codec has no state: all plain connections share this one, and with it each broadcast's frame."""
