"""What is told of calls. What devices say to each other is relayed as it is."""

from typing import Any, Self

import msgspec
from django.conf import settings

from chat.models import Call
from realtime.events import DURABLE, Event
from realtime.times import iso

decode = msgspec.json.Decoder().decode


class CallInvite(Event, wire="call.invite", policy=DURABLE, ttl=settings.CHAT_RING_TIMEOUT):
    """Somebody is calling you, until `expires_at` at the latest."""

    call_id: str
    conversation_id: str
    caller_id: str
    media: str
    sdp: Any
    expires_at: str

    @classmethod
    def of(cls, call: Call) -> Self:
        """From a call that rings."""
        return cls(
            call_id=str(call.pk),
            conversation_id=str(call.conversation_id),
            caller_id=str(call.caller_id),
            media=call.media,
            sdp=decode(call.offer) if call.offer else None,
            expires_at=iso(call.expires_at),
        )


class CallAccept(Event, wire="call.accept", policy=DURABLE):
    """Your call was answered."""

    call_id: str
    conversation_id: str
    user_id: str
    sdp: Any

    @classmethod
    def of(cls, call: Call) -> Self:
        """From a call that was answered just now."""
        return cls(
            call_id=str(call.pk),
            conversation_id=str(call.conversation_id),
            user_id=str(call.callee_id),
            sdp=decode(call.answer) if call.answer else None,
        )


class CallReject(Event, wire="call.reject", policy=DURABLE):
    """Your call is not wanted; `reason` is in the words of who rejects it."""

    call_id: str
    conversation_id: str
    user_id: str
    reason: str

    @classmethod
    def of(cls, call: Call) -> Self:
        """From a call that was rejected just now."""
        return cls(
            call_id=str(call.pk),
            conversation_id=str(call.conversation_id),
            user_id=str(call.callee_id),
            reason=call.words or "rejected",
        )


class CallHangup(Event, wire="call.hangup", policy=DURABLE):
    """A call is over, or at least on this device; `user_id` is who did that, if anybody."""

    call_id: str
    conversation_id: str
    reason: str
    user_id: str | None

    @classmethod
    def of(cls, call: Call, *, reason: str, user_id: str | None) -> Self:
        """Why, and by whom."""
        return cls(call_id=str(call.pk), conversation_id=str(call.conversation_id), reason=reason, user_id=user_id)


class CallSignal(Event, wire="call.signal", policy=DURABLE, ttl=settings.CHAT_RING_TIMEOUT):
    """The other side's SDP or ICE."""

    call_id: str
    from_user_id: str
    data: Any
