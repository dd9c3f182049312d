"""What clients may ask of calls.

The connection that calls, and the one that answers, join a room of their own: what the other says to them reaches no
other device. It keeps the room when it is resumed, and so it is the same device.
"""

from contextlib import suppress
from functools import partial
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from django.conf import settings
from django.db import transaction
from msgspec import Meta

from chat import services
from chat.models import Call
from chat.rooms import DeviceRoom
from realtime.commands import Payload, Reply, command
from realtime.errors import ClientError
from realtime.events import encode
from realtime.sessions import Session

DEPTH: Final = 32  # of what is relayed: deeper JSON is a trap for those who read it


class InviteToCall(Payload):
    """`sdp`: whatever the other's device needs to answer."""

    conversation_id: UUID
    media: Literal["audio", "video"] = "audio"
    sdp: Any = None


class AcceptCall(Payload):
    """`sdp`: the answer."""

    call_id: UUID
    sdp: Any = None


class RejectCall(Payload):
    """`reason`: for the caller's eyes."""

    call_id: UUID
    reason: Annotated[str, Meta(max_length=64)] | None = None


class OneCall(Payload):
    """A call."""

    call_id: UUID


class SignalCall(Payload):
    """`data`: any JSON."""

    call_id: UUID
    data: Any


class CallReply(Reply):
    """Which call it is."""

    call_id: str


@command("call.invite", rate=settings.CHAT_CALL_RATE)
@transaction.atomic
def invite_to_call(session: Session, data: InviteToCall) -> CallReply:
    """Ring the other person of a direct conversation."""
    room, offer = DeviceRoom.of(session), "" if data.sdp is None else opaque(data.sdp)
    call = services.invite_to_call(
        caller_id=session.user.id,
        device=room.key,
        conversation_id=data.conversation_id,
        media=data.media,
        offer=offer,
    )
    ring = partial(services.time_out_call, call_id=call.pk)
    session.later("ring", settings.CHAT_RING_TIMEOUT, ring, grace=settings.CHAT_RING_TIMEOUT)
    return _take_part(session, room, call)


@command("call.accept", rate=settings.CHAT_CALL_RATE)
@transaction.atomic
def accept_call(session: Session, data: AcceptCall) -> CallReply:
    """Answer on this device."""
    room, answer = DeviceRoom.of(session), "" if data.sdp is None else opaque(data.sdp)
    call = services.accept_call(user_id=session.user.id, device=room.key, call_id=data.call_id, answer=answer)
    return _take_part(session, room, call)


def _take_part(session: Session, room: DeviceRoom, call: Call) -> CallReply:
    lose = partial(services.lose_device, call_id=call.pk, device=room.key)
    session.later("call", None, lose, grace=settings.CHAT_CALL_GRACE)
    session.join(room)
    return CallReply(call_id=str(call.pk))


@command("call.reject", rate=settings.CHAT_CALL_RATE)
@transaction.atomic
def reject_call(session: Session, data: RejectCall) -> CallReply:
    """Do not answer, on any device."""
    room = DeviceRoom.of(session)
    services.reject_call(user_id=session.user.id, device=room.key, call_id=data.call_id, words=data.reason or "")
    _stand_apart(session, room)
    return CallReply(call_id=str(data.call_id))


def _stand_apart(session: Session, room: DeviceRoom) -> None:
    """So that this device is not told what it did, as the others are; one that is in too many rooms has to be."""
    with suppress(ClientError):
        session.join(room)


@command("call.hangup", rate=settings.CHAT_CALL_RATE)
@transaction.atomic
def hang_up(session: Session, data: OneCall) -> CallReply:
    """End it."""
    room = DeviceRoom.of(session)
    services.hang_up(user_id=session.user.id, device=room.key, call_id=data.call_id)
    _stand_apart(session, room)
    return CallReply(call_id=str(data.call_id))


@command("call.signal", rate=settings.CHAT_SIGNAL_RATE)
def signal_call(session: Session, data: SignalCall) -> None:
    """Have the other side told something."""
    room = DeviceRoom.of(session)
    services.signal_call(user_id=session.user.id, device=room.key, call_id=data.call_id, data=opaque(data.data))


def opaque(value: Any) -> str:
    """The JSON of what is relayed unread."""
    level = [value]
    for _ in range(DEPTH):
        level = [inner for outer in level for inner in _within(outer)]
        if not level:
            return encode(value).decode()
    raise ClientError("INVALID_PAYLOAD", f"What is relayed has at most {DEPTH} levels.")


def _within(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
