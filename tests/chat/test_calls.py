"""The rules of calls."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from pytest_django import Settings
from uuid_utils.compat import uuid7

from accounts.exceptions import Blocked
from accounts.models import User
from accounts.services import block_user, deactivate_user, set_status, update_privacy
from chat import services
from chat.exceptions import Busy
from chat.models import Call, Conversation, Membership
from realtime.errors import translate
from tests.chat.ringing import answer, grow_old, hang_up, how_it_stands, refusal, ring
from tests.chat.talk import say

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
Person = Callable[..., User]


def talk_between(first: User, second: User) -> Conversation:
    return services.create_conversation(creator_id=first.pk, kind="direct", members=[second.pk])


def test_a_call_rings_is_answered_and_ends(direct: Conversation, alice: User, bob: User) -> None:
    call = ring(direct, alice, media="video", offer='{"type":"offer"}')
    assert (call.caller, call.callee, call.caller_device, call.media) == (alice, bob, "phone", "video")
    assert how_it_stands(call) == ("ringing", "")
    answer(call)
    call.refresh_from_db()
    assert (call.state, call.callee_device, call.offer) == ("active", "laptop", "")
    assert call.answered_at is not None
    hang_up(call, bob, "laptop")
    call.refresh_from_db()
    assert (call.state, call.end_reason) == ("ended", "hangup")
    assert call.ended_at is not None


def test_who_is_no_member_calls_nobody_and_learns_nothing(direct: Conversation, carol: User) -> None:
    for conversation in (direct.pk, uuid7()):
        with pytest.raises(Conversation.DoesNotExist):
            services.invite_to_call(caller_id=carol.pk, device="phone", conversation_id=conversation)
    assert not Call.objects.exists()


def test_a_group_cannot_be_called(group: Conversation, alice: User) -> None:
    with pytest.raises(ValidationError) as refused:
        ring(group, alice)
    assert translate(refused.value).code == "INVALID_PAYLOAD"


@pytest.mark.parametrize("by_the_other", [False, True])
def test_a_block_lets_nobody_call_and_ends_what_goes_on(
    direct: Conversation, alice: User, bob: User, by_the_other: bool
) -> None:
    call = answer(ring(direct, alice))
    blocker, blocked = (bob, alice) if by_the_other else (alice, bob)
    block_user(blocker_id=blocker.pk, blocked_id=blocked.pk)
    assert how_it_stands(call) == ("ended", "failed")
    for caller in (alice, bob):
        with pytest.raises(Blocked):
            ring(direct, caller)


def test_a_block_leaves_calls_with_others_alone(direct: Conversation, alice: User, carol: User) -> None:
    call = ring(direct, alice)
    block_user(blocker_id=alice.pk, blocked_id=carol.pk)
    assert how_it_stands(call) == ("ringing", "")


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_a_deactivated_person_is_in_no_call(direct: Conversation, alice: User, bob: User, who: str) -> None:
    call = answer(ring(direct, alice))
    deactivate_user(user_id=alice.pk if who == "caller" else bob.pk)
    assert how_it_stands(call) == ("ended", "failed")
    with pytest.raises(PermissionDenied):
        ring(direct, alice)


def test_a_call_ends_with_the_membership(direct: Conversation, alice: User, bob: User) -> None:
    call = ring(direct, alice)
    Membership.objects.get(conversation=direct, user=bob).delete()
    assert how_it_stands(call) == ("ended", "failed")
    with pytest.raises(PermissionDenied):
        ring(direct, alice)
    with pytest.raises(Conversation.DoesNotExist):
        ring(direct, bob)


# -- one call a person ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_answered", [False, True])
def test_who_is_in_a_call_is_busy_for_everybody(
    direct: Conversation, alice: User, bob: User, carol: User, person: Person, is_answered: bool
) -> None:
    call = ring(direct, alice)
    if is_answered:
        answer(call)
    for member in (alice, bob):
        other = talk_between(carol, member)
        assert refusal(partial(ring, other, carol)) == ("CONFLICT", "busy")
        with pytest.raises(Busy) as own:
            ring(other, member)
        assert own.value.details == {"reason": "busy", "callId": str(call.pk)}
    assert ring(talk_between(carol, person("dora")), carol).state == "ringing"
    hang_up(call, alice)
    assert ring(talk_between(alice, bob), bob).state == "ringing"


def test_others_do_not_learn_with_whom_one_talks(direct: Conversation, alice: User, bob: User, carol: User) -> None:
    ring(direct, alice)
    with pytest.raises(Busy) as refused:
        ring(talk_between(carol, bob), carol)
    assert refused.value.details == {"reason": "busy"}


@pytest.mark.parametrize("hides", [{"status": "offline"}, {"presence": "nobody"}, {"presence": "contacts"}])
def test_of_who_hides_their_presence_nobody_learns_that_they_are_busy(
    direct: Conversation, alice: User, bob: User, carol: User, hides: dict[str, str]
) -> None:
    first = answer(ring(direct, alice))
    if "status" in hides:
        set_status(user_id=bob.pk, status="offline")
    else:
        update_privacy(user_id=bob.pk, presence_shown_to=hides["presence"])
    talk = talk_between(carol, bob)
    second = ring(talk, carol)
    assert ring(talk, carol) == second
    assert refusal(partial(answer, second)) == ("CONFLICT", "busy")
    assert (how_it_stands(first), how_it_stands(second)) == (("active", ""), ("ringing", ""))
    assert refusal(partial(ring, direct, bob)) == ("CONFLICT", "busy")
    hang_up(first, alice)
    assert answer(second).state == "active"
    hang_up(second, bob)
    say(talk, bob, "hello")  # now she is a contact
    first = ring(direct, bob)
    if hides == {"presence": "contacts"}:
        assert refusal(partial(ring, talk, carol)) == ("CONFLICT", "busy")
    else:
        assert ring(talk, carol).state == "ringing"


def test_the_same_device_that_asks_again_gets_the_same_call(direct: Conversation, alice: User) -> None:
    call = ring(direct, alice)
    assert ring(direct, alice) == call
    assert refusal(lambda: ring(direct, alice, "tablet")) == ("CONFLICT", "busy")
    answer(call)
    assert refusal(lambda: ring(direct, alice)) == ("CONFLICT", "busy")


def test_of_two_who_call_each_other_the_first_one_rings(direct: Conversation, alice: User, bob: User) -> None:
    call = ring(direct, alice)
    with pytest.raises(Busy) as refused:
        ring(direct, bob)
    assert refused.value.details == {"reason": "busy", "callId": str(call.pk)}
    assert answer(call).state == "active"


def test_a_call_that_nobody_ended_blocks_no_new_one(direct: Conversation, alice: User, bob: User) -> None:
    for caller in (alice, bob, alice):
        call = ring(direct, caller)
        grow_old(call)
        again = ring(direct, caller)
        assert again != call
        assert how_it_stands(call) == ("ended", "timeout")
        hang_up(again, caller)


# -- who may do what -------------------------------------------------------------------------------------------


def test_a_strangers_call_does_not_exist(direct: Conversation, alice: User, carol: User) -> None:
    call = ring(direct, alice)
    for known in (call.pk, uuid7()):
        for action in (
            services.accept_call,
            services.reject_call,
            services.hang_up,
            partial(services.signal_call, data="1"),
        ):
            with pytest.raises(Call.DoesNotExist):
                action(user_id=carol.pk, device="x", call_id=known)
    assert how_it_stands(call) == ("ringing", "")


def test_only_who_is_called_answers_or_rejects(direct: Conversation, alice: User) -> None:
    call = ring(direct, alice)
    for action in (services.accept_call, services.reject_call):
        with pytest.raises(PermissionDenied):
            action(user_id=alice.pk, device="phone", call_id=call.pk)
    assert how_it_stands(call) == ("ringing", "")


def test_the_first_device_that_answers_has_it(direct: Conversation, alice: User, bob: User) -> None:
    call = ring(direct, alice)
    answer(call, "laptop")
    assert answer(call, "laptop").callee_device == "laptop"  # an answer that got lost is repeated
    assert refusal(lambda: answer(call, "phone")) == ("CONFLICT", "answeredElsewhere")
    reject = partial(services.reject_call, user_id=bob.pk, device="phone", call_id=call.pk)
    assert refusal(reject) == ("CONFLICT", "answeredElsewhere")


def test_what_is_over_cannot_be_answered_or_rejected(direct: Conversation, alice: User, bob: User) -> None:
    for end, reason in (
        (lambda call: hang_up(call, alice), "hangup"),
        (lambda call: services.reject_call(user_id=bob.pk, device="x", call_id=call.pk), "rejected"),
        (grow_old, "timeout"),
    ):
        call = ring(direct, alice)
        end(call)
        assert refusal(partial(answer, call)) == ("CONFLICT", reason)
        reject = partial(services.reject_call, user_id=bob.pk, device="x", call_id=call.pk)
        assert refusal(reject) == ("CONFLICT", reason)


def test_who_is_called_and_hangs_up_rejects(direct: Conversation, alice: User, bob: User) -> None:
    call = ring(direct, alice)
    hang_up(call, bob)
    assert how_it_stands(call) == ("ended", "rejected")


def test_hanging_up_twice_is_no_error_and_changes_nothing(direct: Conversation, alice: User, bob: User) -> None:
    call = answer(ring(direct, alice))
    for user in (alice, bob):
        hang_up(call, user, "tablet")
    assert how_it_stands(call) == ("ended", "hangup")


@pytest.mark.parametrize("is_answered", [False, True])
def test_signals_come_from_the_devices_of_the_call(
    direct: Conversation, alice: User, bob: User, is_answered: bool
) -> None:
    call = ring(direct, alice, "phone")
    if is_answered:
        answer(call, "laptop")

    def signal(user: User, device: str) -> Any:
        return services.signal_call(user_id=user.pk, device=device, call_id=call.pk, data='{"candidate":1}')

    signal(alice, "phone")
    signal(bob, "laptop")
    with pytest.raises(PermissionDenied):
        signal(alice, "laptop")
    if is_answered:
        with pytest.raises(PermissionDenied):
            signal(bob, "phone")
    else:
        signal(bob, "phone")
    hang_up(call, alice)
    assert refusal(lambda: signal(alice, "phone")) == ("CONFLICT", "hangup")


@pytest.mark.parametrize("text", ['"xxxxxxxxx"', '"ééééé"'])
def test_what_is_too_large_is_not_relayed(settings: Settings, direct: Conversation, alice: User, text: str) -> None:
    settings.CHAT_MAX_SIGNAL = 10
    with pytest.raises(ValidationError) as refused:
        ring(direct, alice, offer=text)
    assert translate(refused.value).code == "PAYLOAD_TOO_LARGE"
    call = ring(direct, alice, offer='"xxxxxxxx"')
    for action in (
        lambda: answer(call, answer=text),
        lambda: services.signal_call(user_id=alice.pk, device="phone", call_id=call.pk, data=text),
    ):
        with pytest.raises(ValidationError):
            action()
    assert how_it_stands(call) == ("ringing", "")


# -- ends by themselves ---------------------------------------------------------------------------------------------


def test_a_call_times_out_when_it_has_rung_for_long_enough(direct: Conversation, alice: User) -> None:
    call = ring(direct, alice)
    services.time_out_call(call_id=call.pk)
    assert how_it_stands(call) == ("ringing", "")
    grow_old(call, 45)
    services.time_out_call(call_id=call.pk)
    assert how_it_stands(call) == ("ended", "timeout")


def test_a_call_that_was_answered_does_not_time_out(direct: Conversation, alice: User) -> None:
    call = answer(ring(direct, alice))
    grow_old(call, 4500)
    services.time_out_call(call_id=call.pk)
    assert how_it_stands(call) == ("active", "")


def test_a_call_ends_with_a_device_of_it_and_no_other(direct: Conversation, alice: User) -> None:
    for device, state in (("tablet", "active"), ("phone", "ended"), ("laptop", "ended")):
        call = answer(ring(direct, alice))
        services.lose_device(call_id=call.pk, device=device)
        assert how_it_stands(call)[0] == state
        services.lose_device(call_id=call.pk, device="phone")
        assert how_it_stands(call) == ("ended", "failed")


def test_who_goes_offline_has_left_the_call_but_who_is_called_may_come_yet(
    direct: Conversation, alice: User, bob: User
) -> None:
    call = ring(direct, alice)
    services.leave_calls(user_id=bob.pk)
    assert how_it_stands(call) == ("ringing", "")
    services.leave_calls(user_id=alice.pk)
    assert how_it_stands(call) == ("ended", "failed")
    for user in (alice, bob):
        call = answer(ring(direct, alice))
        services.leave_calls(user_id=user.pk)
        assert how_it_stands(call) == ("ended", "failed")


def test_the_only_server_begins_without_calls(direct: Conversation, alice: User, carol: User, person: Person) -> None:
    calls = [answer(ring(direct, alice)), ring(talk_between(carol, person("dora")), carol)]
    services.end_all_calls()
    assert [how_it_stands(call) for call in calls] == [("ended", "failed")] * 2
