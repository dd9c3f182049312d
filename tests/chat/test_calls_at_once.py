"""Calls in a hurry: threads on PostgreSQL."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from accounts.models import User
from accounts.services import block_user, deactivate_user, set_status
from chat import services
from chat.exceptions import Busy, CallOver
from chat.models import Call, Conversation, Membership
from realtime.intents import Intent, Push
from tests.accounts.threads import at_once
from tests.chat.ringing import answer, grow_old, hang_up, how_it_stands, ring

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = range(6)


def events(published: list[Intent], name: str) -> list[Any]:
    return [one.event for one in published if isinstance(one, Push) and one.event.wire == name]


def talks(people: list[User]) -> list[Conversation]:
    """A direct conversation of each pair."""
    return [
        services.create_conversation(creator_id=one.pk, kind="direct", members=[other.pk])
        for number, one in enumerate(people)
        for other in people[number + 1 :]
    ]


def test_of_two_who_call_each_other_at_once_one_rings(direct: Conversation, alice: User, bob: User) -> None:
    for _ in ROUNDS:
        results = at_once(partial(ring, direct, alice), partial(ring, direct, bob))
        call = Call.objects.exclude(state="ended").get()
        assert sorted(type(result).__name__ for result in results) == ["Busy", "Call"]
        refused = next(result for result in results if isinstance(result, Busy))
        assert refused.details == {"reason": "busy", "callId": str(call.pk)}
        hang_up(call, alice)


def test_everybody_who_calls_everybody_at_once_is_in_one_call_at_most(
    alice: User, bob: User, carol: User, person: Callable[..., User]
) -> None:
    people = [alice, bob, carol, person("dora")]
    conversations = talks(people)
    for _ in ROUNDS:
        results = at_once(
            *(
                partial(ring, conversation, user)
                for conversation in conversations
                for user in conversation.members.all()
            )
        )
        assert {type(result) for result in results} == {Busy, Call}, results
        live = list(Call.objects.exclude(state="ended"))
        taken = [person for call in live for person in (call.caller_id, call.callee_id)]
        assert len(taken) == len(set(taken))
        assert 1 <= len(live) <= 2
        for call in live:
            hang_up(call, call.caller)


def test_of_devices_that_answer_at_once_exactly_one_does(
    direct: Conversation, alice: User, published: list[Intent]
) -> None:
    for _ in ROUNDS:
        call = ring(direct, alice)
        published.clear()
        devices = [f"device-{number}" for number in range(5)]
        results = at_once(*(partial(answer, call, device) for device in devices))
        won = [result for result in results if isinstance(result, Call)]
        assert len(won) == 1, results
        refused = [result for result in results if isinstance(result, CallOver)]
        assert [error.details for error in refused] == [{"reason": "answeredElsewhere"}] * 4
        assert Call.objects.get(pk=call.pk).callee_device == won[0].callee_device
        assert len(events(published, "call.accept")) == 1
        assert [event.reason for event in events(published, "call.hangup")] == ["answeredElsewhere"]
        hang_up(call, alice)


def test_of_two_calls_that_are_answered_at_once_one_is(
    direct: Conversation, alice: User, bob: User, carol: User
) -> None:
    set_status(user_id=bob.pk, status="offline")
    (other,) = talks([carol, bob])
    for _ in ROUNDS:
        calls = [ring(direct, alice), ring(other, carol)]
        results = at_once(*(partial(answer, call, f"device-{number}") for number, call in enumerate(calls)))
        assert sorted(type(result).__name__ for result in results) == ["Busy", "Call"], results
        for call in calls:
            hang_up(call, bob)


def test_answer_end_and_timeout_at_once_leave_one_end_that_is_told_once(
    direct: Conversation, alice: User, bob: User, published: list[Intent]
) -> None:
    for _ in ROUNDS:
        call = ring(direct, alice)
        grow_old(call, 44.5)  # late enough to time out, and early enough to be answered
        published.clear()
        results = at_once(
            partial(answer, call),
            partial(hang_up, call, alice),
            partial(services.time_out_call, call_id=call.pk),
            partial(services.reject_call, user_id=bob.pk, device="tablet", call_id=call.pk),
            partial(services.leave_calls, user_id=alice.pk),
        )
        assert all(result is None or isinstance(result, Call | CallOver) for result in results), results
        state, reason = how_it_stands(call)
        assert state == "ended"
        told = [event.reason for event in events(published, "call.hangup")]
        accepted, rejected = events(published, "call.accept"), events(published, "call.reject")
        assert len(accepted) == isinstance(results[0], Call)
        assert len(rejected) == (reason == "rejected")
        ends = ["rejectedElsewhere" if reason == "rejected" else reason]
        assert told == ["answeredElsewhere"] * len(accepted) + ends


@pytest.mark.parametrize("what", ["block", "deactivation", "removal"])
def test_a_call_that_begins_while_the_two_are_parted_does_not_go_on(
    alice: User, person: Callable[..., User], what: str
) -> None:
    for number in ROUNDS:
        other = person(f"other-{number}")
        conversation = talks([alice, other])[0]
        caller = (alice, other)[number % 2]

        def part(other: User = other, conversation: Conversation = conversation) -> object:
            if what == "block":
                return block_user(blocker_id=alice.pk, blocked_id=other.pk)
            if what == "deactivation":
                return deactivate_user(user_id=other.pk)
            return Membership.objects.get(conversation=conversation, user=other).delete()

        results = at_once(partial(ring, conversation, caller), part)
        assert not isinstance(results[1], Exception), results
        assert not Call.objects.exclude(state="ended").exists(), results


def test_devices_that_go_at_once_end_a_call_once(direct: Conversation, alice: User, published: list[Intent]) -> None:
    for _ in ROUNDS:
        call = answer(ring(direct, alice))
        published.clear()
        at_once(*(partial(services.lose_device, call_id=call.pk, device=device) for device in ("phone", "laptop") * 2))
        assert how_it_stands(call) == ("ended", "failed")
        assert len(events(published, "call.hangup")) == 1
