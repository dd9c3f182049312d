"""Calls: who rings whom, who answers, and how it ends.

Who begins a call locks the conversation, then both people in the order of their ids, so that each of them is in one
call at most; of two who call each other at once the first one rings, and the other is busy. What becomes of a call
locks its row alone.
"""

from collections.abc import Iterator
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q
from django.dispatch import Signal
from django.utils import timezone

from accounts.exceptions import Blocked
from accounts.models import User
from accounts.presence import sees_presence
from accounts.selectors import are_blocked
from chat.exceptions import Busy, CallOver, SignalTooLarge
from chat.models import Call, Conversation, Membership
from chat.models.calls import LIVE
from chat.services.locking import lock

Id = UUID | str
PAIR = 2
LATE = 1.0  # seconds that a timer may be early, by another clock than the database's

call_signalled = Signal()
"""`call`, `sender_id` and `data` (JSON): what one device wants the other to know, and nobody to keep."""


@transaction.atomic
def invite_to_call(
    *,
    caller_id: Id,
    device: str,
    conversation_id: Id,
    media: str = "audio",
    offer: str = "",
) -> Call:
    """Ring the other person of a direct conversation; Busy if either of the two is in a call.

    The same device that asks again while it rings there gets the same call. Of somebody whose presence the caller may
    not see nobody learns that they are busy: then it rings beside the other call.
    """
    caller_id = UUID(str(caller_id))
    _check_size(offer)
    conversation = lock(conversation_id, caller_id)
    if conversation.kind != Conversation.Kind.DIRECT:
        raise ValidationError({"conversation_id": "Calls are between the two people of a direct conversation."})
    callee = _reachable(caller_id, conversation)
    people = (caller_id, callee.pk)
    for call in _live(Q(caller__in=people) | Q(callee__in=people)):
        if call.is_overdue:
            _end(call, Call.End.TIMEOUT)
        elif _is_same(call, caller_id, device, conversation_id):
            return call
        elif caller_id in call.people or sees_presence(caller_id, callee):
            raise _busy(call, caller_id)
    return Call.objects.create(
        conversation_id=conversation_id,
        caller_id=caller_id,
        callee=callee,
        caller_device=device,
        media=media,
        offer=offer,
    )


def _reachable(caller: UUID, conversation: Conversation) -> User:
    """The other one, who may be called.

    Whoever parts the two, or calls one of them, waits until this is over, or was before it and is seen here.
    """
    memberships = Membership.objects.select_for_update(no_key=True).filter(conversation=conversation)
    members = memberships.order_by("pk").values_list("user_id", flat=True)
    users = User.objects.select_for_update(no_key=True).filter(pk__in=set(members), is_active=True).order_by("pk")
    people = {user.pk: user for user in users}
    if caller not in people or len(people) < PAIR:
        raise PermissionDenied("This person cannot be called.")
    del people[caller]
    (callee,) = people.values()
    if are_blocked(caller, callee.pk):
        raise Blocked("You cannot call this person.")
    return callee


def _is_same(call: Call, caller: UUID, device: str, conversation: Id) -> bool:
    return call.state == Call.State.RINGING and (call.caller_id, call.caller_device, call.conversation_id) == (
        caller,
        device,
        UUID(str(conversation)),
    )


def _busy(call: Call, caller: UUID) -> Busy:
    if caller == call.callee_id and call.state == Call.State.RINGING:
        return Busy("You are being called.", call_id=call.pk)
    if caller in call.people:
        return Busy("You are in a call.", call_id=call.pk)
    return Busy("This person is in a call.")


@transaction.atomic
def accept_call(*, user_id: Id, device: str, call_id: Id, answer: str = "") -> Call:
    """Answer a call that rings; of several devices one does, CallOver for the others; Busy for who is in a call."""
    _check_size(answer)
    list(User.objects.select_for_update(no_key=True).filter(pk=user_id))  # of two calls at once one is answered
    call = _mine(user_id, call_id)
    if str(call.callee_id) != str(user_id):
        raise PermissionDenied("Only who is called can answer.")
    if call.state == Call.State.ACTIVE and call.callee_device == device:
        return call
    _require_ringing(call)
    own = Q(caller=user_id) | Q(callee=user_id, state=Call.State.ACTIVE)
    if (other := Call.objects.filter(LIVE & own).first()) is not None:
        raise _busy(other, UUID(str(user_id)))
    call.state, call.answered_at, call.callee_device = Call.State.ACTIVE, timezone.now(), device
    call.offer, call.answer = "", answer
    call.save(update_fields=["state", "answered_at", "callee_device", "offer"])
    return call


@transaction.atomic
def reject_call(*, user_id: Id, device: str, call_id: Id, words: str = "") -> Call:
    """Let nobody ring any more, as the one who is called."""
    call = _mine(user_id, call_id)
    if str(call.callee_id) != str(user_id):
        raise PermissionDenied("Only who is called can reject.")
    _require_ringing(call)
    call.words = words
    return _end(call, Call.End.REJECTED, by=user_id, on=device)


@transaction.atomic
def hang_up(*, user_id: Id, device: str, call_id: Id) -> Call:
    """End a call of one's own, from any device; one that is over stays as it is."""
    call = _mine(user_id, call_id)
    if call.state == Call.State.ENDED:
        return call
    if call.state == Call.State.RINGING and str(call.callee_id) == str(user_id):
        return _end(call, Call.End.REJECTED, by=user_id, on=device)
    return _end(call, Call.End.HANGUP, by=user_id, on=device)


@transaction.atomic
def signal_call(*, user_id: Id, device: str, call_id: Id, data: str) -> None:
    """Have the other side told something: SDP, ICE, whatever; it is not read and not kept.

    Only the device that calls and, from then on, the one that has answered may.
    """
    _check_size(data)
    call = _mine(user_id, call_id)
    if call.state == Call.State.ENDED or call.is_overdue:
        raise CallOver("The call is over.", reason=call.end_reason or Call.End.TIMEOUT)
    is_caller = str(call.caller_id) == str(user_id)
    if device != (call.caller_device if is_caller else call.callee_device or device):
        raise PermissionDenied("Another device of yours is in this call.")
    call_signalled.send(Call, call=call, sender_id=str(user_id), data=data)


@transaction.atomic
def time_out_call(*, call_id: Id) -> None:
    """End a call that has rung for long enough."""
    for call in _live(Q(pk=call_id, state=Call.State.RINGING)):
        if (timezone.now() - call.created_at).total_seconds() >= settings.CHAT_RING_TIMEOUT - LATE:
            _end(call, Call.End.TIMEOUT)


@transaction.atomic
def lose_device(*, call_id: Id, device: str) -> None:
    """A connection has gone and does not come back: the call that it takes part in is over."""
    for call in _live(Q(pk=call_id) & (Q(caller_device=device) | Q(callee_device=device))):
        _end(call, Call.End.TIMEOUT if call.is_overdue else Call.End.FAILED)


@transaction.atomic
def leave_calls(*, user_id: Id) -> None:
    """Nobody of this person's devices is there any more. Who is called may come yet; who calls, or talks, has gone."""
    _end_all(Q(caller=user_id) | Q(callee=user_id, state=Call.State.ACTIVE))


@transaction.atomic
def end_calls_of(*, user_id: Id) -> None:
    """This person takes part in nothing any more."""
    _end_all(Q(caller=user_id) | Q(callee=user_id))


@transaction.atomic
def end_calls_between(*, user_id: Id, other_id: Id) -> None:
    """These two are parted."""
    people = (user_id, other_id)
    # A call that is being begun is seen after this, or sees why it may not be.
    list(User.objects.select_for_update(no_key=True).filter(pk__in=people).order_by("pk"))
    _end_all(Q(caller__in=people, callee__in=people))


@transaction.atomic
def end_calls_in(*, conversation_id: Id) -> None:
    """These two have no conversation any more."""
    _end_all(Q(conversation=conversation_id))


@transaction.atomic
def end_all_calls() -> None:
    """The only server has just started: nobody can be in a call."""
    _end_all(Q())


def _end_all(which: Q) -> None:
    for call in _live(which):
        _end(call, Call.End.TIMEOUT if call.is_overdue else Call.End.FAILED)


def _live(which: Q) -> Iterator[Call]:
    """Calls that are not over, each locked, in the order of their ids."""
    yield from Call.objects.select_for_update().filter(LIVE & which).order_by("pk")


def _mine(user: Id, call: Id) -> Call:
    """A call of the user's, locked; Call.DoesNotExist for any other."""
    return Call.objects.select_for_update().filter(Q(caller=user) | Q(callee=user)).get(pk=call)


def _require_ringing(call: Call) -> None:
    if call.state == Call.State.ACTIVE:
        raise CallOver("The call was answered on another device.", reason="answeredElsewhere")
    if call.state == Call.State.ENDED or call.is_overdue:
        raise CallOver("The call is over.", reason=call.end_reason or Call.End.TIMEOUT)


def _end(call: Call, reason: Call.End, *, by: Id | None = None, on: str = "") -> Call:
    call.state, call.end_reason, call.ended_at = Call.State.ENDED, reason, timezone.now()
    call.offer, call.ended_by, call.ended_on = "", None if by is None else str(by), on
    call.save(update_fields=["state", "end_reason", "ended_at", "offer"])
    return call


def _check_size(text: str) -> None:
    if len(text.encode()) > settings.CHAT_MAX_SIGNAL:
        raise SignalTooLarge(settings.CHAT_MAX_SIGNAL)
