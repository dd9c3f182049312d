"""Who hears of calls, and what ends them."""

from collections.abc import Iterator

from django.db.models import QuerySet
from django.dispatch import receiver

from accounts.models import Block, User
from chat import selectors, services
from chat.events import CallAccept, CallHangup, CallInvite, CallReject, CallSignal
from chat.events.calls import decode
from chat.models import Call, Membership
from chat.rooms import DeviceRoom
from realtime.events import Event
from realtime.presence import presence_reset
from realtime.rooms import UserRoom
from realtime.signals import Change, Push, Pushes, on_connect, on_presence, pushes

ELSEWHERE = {Call.State.ACTIVE: "answeredElsewhere", Call.State.ENDED: "rejectedElsewhere"}


@pushes(Call, watch=("state",))
def call_changed(call: Call, change: Change) -> Pushes:
    """It rings on all devices of who is called; both people hear what becomes of it."""
    if change.created:
        yield Push(UserRoom(call.callee_id), CallInvite.of(call))
    elif change.deleted:
        if call.state != Call.State.ENDED:
            yield _over(call, reason=Call.End.FAILED)
    elif call.state == Call.State.ACTIVE:
        yield Push(UserRoom(call.caller_id), CallAccept.of(call))
        yield _elsewhere(call, call.callee_device)
    elif call.end_reason == Call.End.REJECTED:
        yield Push(UserRoom(call.caller_id), CallReject.of(call))
        yield _elsewhere(call, call.ended_on)
    else:
        yield _over(call, reason=call.end_reason)


def _elsewhere(call: Call, device: str) -> Push:
    """To the other devices of who is called."""
    event = CallHangup.of(call, reason=ELSEWHERE[Call.State(call.state)], user_id=str(call.callee_id))
    return Push(UserRoom(call.callee_id), event, except_for=[DeviceRoom(device)] if device else [])


def _over(call: Call, *, reason: str) -> Push:
    people = [UserRoom(call.caller_id), UserRoom(call.callee_id)]
    return Push(people, CallHangup.of(call, reason=reason, user_id=call.ended_by))


@pushes(services.call_signalled)
def tell_signal(call: Call, sender_id: str, data: str) -> Pushes:
    """The other device alone; all of them, while it rings there."""
    event = CallSignal(call_id=str(call.pk), from_user_id=sender_id, data=decode(data))
    if sender_id != str(call.caller_id):
        yield Push(DeviceRoom(call.caller_device), event)
    elif call.callee_device:
        yield Push(DeviceRoom(call.callee_device), event)
    else:
        yield Push(UserRoom(call.callee_id), event)


@on_connect
def ring_who_comes(user_id: str) -> Iterator[Event]:
    """A device that comes while it rings hears it."""
    yield from map(CallInvite.of, selectors.calls_ringing(user_id))


@on_presence
def hang_up_for_who_goes(user_id: str, online: bool) -> Pushes:
    """Nobody of theirs is there to do it."""
    if not online:
        services.leave_calls(user_id=user_id)
    yield from ()


@receiver(presence_reset)
def forget_calls(**_: object) -> None:
    """The only server has just started: what was going on when the last one was killed is over."""
    services.end_all_calls()


@pushes(User, watch=("is_active",))
def end_calls_of_the_inactive(user: User, change: Change) -> Pushes:
    """Nobody talks on with an account that is shut; `call_changed` tells."""
    if change.changed("is_active") and not user.is_active:
        services.end_calls_of(user_id=user.pk)
    yield from ()


@pushes(Block)
def end_calls_of_the_parted(block: Block, change: Change) -> Pushes:
    """A block hangs up."""
    if change.created:
        services.end_calls_between(user_id=block.blocker_id, other_id=block.blocked_id)
    yield from ()


@pushes(Membership)
def end_calls_of_the_removed(membership: Membership, change: Change) -> Pushes:
    """So does the end of a membership. With the conversation, or a person, calls are deleted: `call_changed` tells."""
    model = change.origin.model if isinstance(change.origin, QuerySet) else type(change.origin)
    if change.deleted and model is Membership:
        services.end_calls_in(conversation_id=membership.conversation_id)
    yield from ()
