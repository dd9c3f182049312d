"""Calls over the socket: who hears what, on which device."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from accounts.services import block_user, deactivate_user
from accounts.tokens import access_token
from chat.models import Call, Conversation
from chat.services import create_conversation
from realtime.testing import CallError, Client, Server
from tests.chat.ringing import answer, grow_old, ring

pytestmark = pytest.mark.django_db(transaction=True)
Connect = Callable[..., Client]
Person = Callable[..., User]
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
OFFER, ANSWER = {"type": "offer", "sdp": "v=0 \U0001f600"}, {"type": "answer", "sdp": ["v=0", 1, None, 0.5]}


def begin(client: Client, conversation: Conversation, **more: Any) -> str:
    return str(client.call("call.invite", {"conversationId": str(conversation.pk)} | more)["callId"])


def refusal(client: Client, event: str, **data: Any) -> CallError:
    with pytest.raises(CallError) as refused:
        client.call(event, data)
    return refused.value


def resumed(server: Server, lost: Client, greeting: dict[str, Any], user: User) -> Client:
    """The same device again."""
    url = f"{server.url}?resume={greeting['offset']}&connection={greeting['connectionId']}"
    client = Client(url, token=access_token(user), user_id=str(user.pk))
    assert client.expect("connected")["recovered"] is True
    return client


def greeted(server: Server, user: User) -> tuple[Client, dict[str, Any]]:
    """A client, and its greeting."""
    client = Client(server.url, token=access_token(user), user_id=str(user.pk))
    return client, client.expect("connected")


def test_a_call_rings_everywhere_is_answered_on_one_device_and_ends(
    connect: Connect, direct: Conversation, alice: User, bob: User, carol: User
) -> None:
    caller, desk = connect(alice), connect(alice)
    phone, tablet, stranger = connect(bob), connect(bob), connect(carol)
    call = begin(caller, direct, media="video", sdp=OFFER)
    for device in (phone, tablet):
        heard = device.expect("call.invite")
        assert re.fullmatch(TIME, heard.pop("expiresAt"))
        assert heard == {
            "callId": call,
            "conversationId": str(direct.pk),
            "callerId": str(alice.pk),
            "media": "video",
            "sdp": OFFER,
        }
    about = {"callId": call, "conversationId": str(direct.pk), "userId": str(bob.pk)}
    assert phone.call("call.accept", {"callId": call, "sdp": ANSWER}) == {"callId": call}
    assert caller.expect("call.accept") == about | {"sdp": ANSWER}
    assert tablet.expect("call.hangup") == about | {"reason": "answeredElsewhere"}
    refused = refusal(tablet, "call.accept", callId=call)
    assert (refused.code, refused.error["details"]) == ("CONFLICT", {"reason": "answeredElsewhere"})
    phone.hears_nothing("call.hangup")

    assert caller.call("call.hangup", {"callId": call}) == {"callId": call}
    for device in (caller, phone, tablet):
        assert device.expect("call.hangup") == about | {"reason": "hangup", "userId": str(alice.pk)}
    for device in (phone, tablet):
        device.hears_nothing("call.invite", "call.accept", "call.hangup")
    desk.hears_nothing("call.invite", "call.signal")
    stranger.hears_nothing()


def test_signals_reach_the_two_devices_of_the_call_and_no_other(
    connect: Connect, direct: Conversation, alice: User, bob: User
) -> None:
    caller, desk, phone, tablet = connect(alice), connect(alice), connect(bob), connect(bob)
    call = begin(caller, direct)
    for data in ({"candidate": "early"}, None, 1.5, ["x"]):  # while it rings, to all who may answer
        assert caller.call("call.signal", {"callId": call, "data": data}) == {}
        for device in (phone, tablet):
            assert device.expect("call.signal") == {"callId": call, "fromUserId": str(alice.pk), "data": data}
    tablet.call("call.signal", {"callId": call, "data": "ringing"})
    assert caller.expect("call.signal", data="ringing")["fromUserId"] == str(bob.pk)

    phone.call("call.accept", {"callId": call})
    for number in range(20):
        caller.call("call.signal", {"callId": call, "data": {"n": number}})
        phone.call("call.signal", {"callId": call, "data": {"n": -number}})
    for device, sign in ((phone, 1), (caller, -1)):
        assert [device.expect("call.signal")["data"]["n"] for _ in range(20)] == [sign * n for n in range(20)]
    for device in (desk, tablet):
        assert refusal(device, "call.signal", callId=call, data={}).code == "FORBIDDEN"
        device.hears_nothing("call.signal")
    phone.call("call.hangup", {"callId": call})
    refused = refusal(caller, "call.signal", callId=call, data={})
    assert (refused.code, refused.error["details"]) == ("CONFLICT", {"reason": "hangup"})


@pytest.mark.sqlite
def test_a_call_is_rejected_for_all_devices(connect: Connect, direct: Conversation, alice: User, bob: User) -> None:
    caller, phone, tablet = connect(alice), connect(bob), connect(bob)
    for asked, told in (({"reason": "in a meeting"}, "in a meeting"), ({}, "rejected")):
        call = begin(caller, direct)
        phone.call("call.reject", {"callId": call} | asked)
        about = {"callId": call, "conversationId": str(direct.pk), "userId": str(bob.pk)}
        assert caller.expect("call.reject") == about | {"reason": told}
        assert tablet.expect("call.hangup") == about | {"reason": "rejectedElsewhere"}
        phone.hears_nothing("call.hangup", "call.reject")
        caller.hears_nothing("call.hangup")


def test_a_device_hears_of_its_own_call_only_what_the_others_did(
    connect: Connect, direct: Conversation, alice: User, bob: User
) -> None:
    """Its room stays for the next call, however many there are."""
    caller, phone = connect(alice), connect(bob)
    for _ in range(3):
        phone.call("call.accept", {"callId": begin(caller, direct)})
        rooms = [room for room in phone.call("rooms.list")["rooms"] if room.startswith("device:")]
        assert len(rooms) == 1
        phone.call("call.hangup", {"callId": caller.expect("call.accept")["callId"]})
        caller.expect("call.hangup")


def test_busy_is_told_and_nothing_rings(
    connect: Connect, direct: Conversation, alice: User, bob: User, carol: User
) -> None:
    caller, phone, third = connect(alice), connect(bob), connect(carol)
    call = begin(caller, direct)
    phone.expect("call.invite")
    other = create_conversation(creator_id=carol.pk, kind="direct", members=[bob.pk])
    refused = refusal(third, "call.invite", conversationId=str(other.pk))
    assert (refused.code, refused.error["details"]) == ("CONFLICT", {"reason": "busy"})
    refused = refusal(phone, "call.invite", conversationId=str(direct.pk))
    assert (refused.code, refused.error["details"]) == ("CONFLICT", {"reason": "busy", "callId": call})
    for device in (phone, caller):
        device.hears_nothing("call.invite")


def test_it_stops_ringing_by_itself(
    settings: Settings, connect: Connect, direct: Conversation, alice: User, bob: User
) -> None:
    settings.CHAT_RING_TIMEOUT = 0.3
    caller, phone = connect(alice), connect(bob)
    call = begin(caller, direct)
    for device in (caller, phone):
        over = device.expect("call.hangup", callId=call)
        assert (over["reason"], over["userId"]) == ("timeout", None)
    refused = refusal(phone, "call.accept", callId=call)
    assert (refused.code, refused.error["details"]) == ("CONFLICT", {"reason": "timeout"})


def test_a_caller_who_leaves_while_it_rings_is_not_rung_for(
    settings: Settings, connect: Connect, direct: Conversation, alice: User, bob: User
) -> None:
    settings.CHAT_CALL_GRACE = 0.2
    caller, _desk, phone = connect(alice), connect(alice), connect(bob)
    call = begin(caller, direct)
    phone.expect("call.invite")
    caller.close()
    assert phone.expect("call.hangup", callId=call)["reason"] == "failed"


@pytest.mark.parametrize("is_half_open", [False, True])
@pytest.mark.parametrize("who", ["caller", "callee"])
def test_a_device_that_stays_away_ends_the_call_and_one_that_comes_back_goes_on(
    settings: Settings,
    realtime_server: Server,
    direct: Conversation,
    alice: User,
    bob: User,
    who: str,
    is_half_open: bool,
) -> None:
    settings.CHAT_CALL_GRACE = 1.5
    (caller, one), (phone, other) = greeted(realtime_server, alice), greeted(realtime_server, bob)
    _others = [greeted(realtime_server, user) for user in (alice, bob)]  # so that nobody goes offline
    call = begin(caller, direct)
    phone.expect("call.invite")
    phone.call("call.accept", {"callId": call})
    caller.expect("call.accept")
    gone, greeting, user, here = (caller, one, alice, phone) if who == "caller" else (phone, other, bob, caller)
    if not is_half_open:  # else the server does not know yet that it is away
        gone.close()
    here.call("call.signal", {"callId": call, "data": "are you there"})
    back = resumed(realtime_server, gone, greeting, user)
    assert back.expect("call.signal")["data"] == "are you there"  # the room is its own still
    back.call("call.signal", {"callId": call, "data": "here I am"})
    assert here.expect("call.signal")["data"] == "here I am"
    assert Call.objects.get().state == "active"
    back.close()
    assert here.expect("call.hangup", callId=call)["reason"] == "failed"
    for client in (here, gone, *(client for client, _ in _others)):
        client.close()


def test_a_call_that_no_connection_minds_ends_after_the_grace_and_no_other(
    settings: Settings, connect: Connect, direct: Conversation, alice: User, bob: User, carol: User, person: Person
) -> None:
    settings.CHAT_CALL_GRACE = 0.3
    dora = person("dora")
    one, other = connect(carol), connect(dora)
    minded = begin(one, create_conversation(creator_id=carol.pk, kind="direct", members=[dora.pk]))
    other.call("call.accept", {"callId": minded})
    caller, phone = connect(alice), connect(bob)
    caller.call("call.hangup", {"callId": begin(caller, direct)})
    (room,) = [room for room in caller.call("rooms.list")["rooms"] if room.startswith("device:")]
    for is_answered, device in ((False, "lost"), (True, "lost"), (True, room.removeprefix("device:"))):
        call = ring(direct, alice, device)
        if is_answered:
            answer(call, "lost-as-well")
        for client in (caller, phone):
            over = client.expect("call.hangup", callId=str(call.pk), reason="failed")
            assert over["userId"] is None
    for client in (one, other):
        client.hears_nothing("call.hangup")
    assert Call.objects.get(pk=minded).state == "active"


def test_what_has_rung_for_long_enough_ends_though_nobody_minds_it(
    settings: Settings, connect: Connect, direct: Conversation, alice: User, bob: User
) -> None:
    settings.CHAT_CALL_GRACE = 0.3
    phone = connect(bob)
    call = ring(direct, alice)
    grow_old(call)
    assert phone.expect("call.hangup", callId=str(call.pk))["reason"] == "timeout"


def test_who_goes_offline_has_hung_up(connect: Connect, direct: Conversation, alice: User, bob: User) -> None:
    caller, phone = connect(alice), connect(bob)
    call = begin(caller, direct)
    phone.call("call.accept", {"callId": call})
    phone.close()
    assert caller.expect("call.hangup", callId=call, timeout=20)["reason"] == "failed"


@pytest.mark.parametrize("before", ["nobody", "another device", "one that went just now", "one that went again"])
def test_a_device_that_comes_while_it_rings_hears_it(
    connect: Connect, direct: Conversation, alice: User, bob: User, before: str
) -> None:
    caller, others = connect(alice), [connect(bob) for _ in range(before != "nobody")]
    if before == "one that went just now":
        others.pop().close()
    call = begin(caller, direct, sdp=OFFER)
    for other in others:
        other.expect("call.invite")
        if before == "one that went again":
            other.close()
    phone = connect(bob)
    assert phone.expect("call.invite", callId=call)["sdp"] == OFFER
    assert phone.call("call.accept", {"callId": call}) == {"callId": call}
    assert caller.expect("call.accept", callId=call)
    phone.call("call.hangup", {"callId": call})
    connect(bob).hears_nothing("call.invite")


def test_what_a_device_that_comes_hears_is_no_more_than_concerns_it(
    connect: Connect, direct: Conversation, alice: User, bob: User, carol: User
) -> None:
    begin(connect(alice), direct)
    for user in (alice, carol):
        connect(user).hears_nothing("call.invite")


@pytest.mark.parametrize("what", ["block", "deactivation", "deletion"])
def test_what_parts_the_two_hangs_up(connect: Connect, direct: Conversation, alice: User, bob: User, what: str) -> None:
    caller, phone = connect(alice), connect(bob)
    call = begin(caller, direct)
    phone.expect("call.invite")
    phone.call("call.accept", {"callId": call})
    if what == "block":
        block_user(blocker_id=bob.pk, blocked_id=alice.pk)
    elif what == "deactivation":
        deactivate_user(user_id=bob.pk)
    else:
        direct.delete()
    assert caller.expect("call.hangup", callId=call)["reason"] == "failed"
    if what != "deactivation":
        assert phone.expect("call.hangup", callId=call, reason="failed")["userId"] is None
    if what == "block":
        assert refusal(caller, "call.invite", conversationId=str(direct.pk)).code == "BLOCKED"
        phone.hears_nothing("call.invite")


DEEP: Any = 1
for _ in range(40):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("event", "data", "code"),
    [
        ("call.invite", {}, "INVALID_PAYLOAD"),
        ("call.invite", {"conversationId": "nonsense"}, "INVALID_PAYLOAD"),
        ("call.invite", {"conversationId": "TALK", "media": "smell"}, "INVALID_PAYLOAD"),
        ("call.invite", {"conversationId": "TALK", "callerId": "CALL"}, "INVALID_PAYLOAD"),
        ("call.invite", {"conversationId": "TALK", "sdp": "x" * 65_536}, "PAYLOAD_TOO_LARGE"),
        ("call.invite", {"conversationId": "CALL"}, "NOT_FOUND"),
        ("call.accept", {}, "INVALID_PAYLOAD"),
        ("call.accept", {"callId": "TALK"}, "NOT_FOUND"),
        ("call.accept", {"callId": "CALL"}, "FORBIDDEN"),
        ("call.reject", {"callId": "CALL"}, "FORBIDDEN"),
        ("call.reject", {"callId": "CALL", "reason": "x" * 65}, "INVALID_PAYLOAD"),
        ("call.hangup", {"callId": 7}, "INVALID_PAYLOAD"),
        ("call.hangup", {"callId": "TALK"}, "NOT_FOUND"),
        ("call.signal", {"callId": "CALL"}, "INVALID_PAYLOAD"),
        ("call.signal", {"callId": "CALL", "data": "x" * 65_535}, "PAYLOAD_TOO_LARGE"),
        ("call.signal", {"callId": "CALL", "data": DEEP}, "INVALID_PAYLOAD"),
        ("call.signal", {"callId": "TALK", "data": 1}, "NOT_FOUND"),
    ],
)
def test_bad_input_is_refused_and_the_connection_stays(
    connect: Connect, direct: Conversation, alice: User, bob: User, event: str, data: dict[str, Any], code: str
) -> None:
    caller, phone = connect(alice), connect(bob)
    call = begin(caller, direct)
    phone.expect("call.invite")
    names = {"TALK": str(direct.pk), "CALL": call}
    named = {key: names.get(value, value) if isinstance(value, str) else value for key, value in data.items()}
    assert refusal(caller, event, **named).code == code
    caller.call("call.signal", {"callId": call, "data": "x" * 65_534})
    assert len(phone.expect("call.signal")["data"]) == 65_534
    phone.hears_nothing("call.invite", "call.hangup")


def test_a_trap_of_brackets_is_bad_input(connect: Connect, direct: Conversation, alice: User, bob: User) -> None:
    caller, phone = connect(alice), connect(bob)
    call = begin(caller, direct)
    for depth in (33, 300, 900, 5_000, 30_000):
        data = f'{{"callId": "{call}", "data": {"[" * depth}{"]" * depth}}}'
        caller.socket.send(f'{{"event": "call.signal", "id": {depth}, "data": {data}}}')
        while (reply := caller.receive())["event"] not in {"reply", "error"}:
            pass
        error = reply.get("error") or reply["data"]
        assert error["code"] == "INVALID_PAYLOAD", (depth, error)
    phone.hears_nothing("call.signal")


def test_nobody_listens_on_anothers_device(connect: Connect, direct: Conversation, alice: User, bob: User) -> None:
    caller, phone = connect(alice), connect(bob)
    begin(caller, direct)
    room = next(room for room in caller.call("rooms.list")["rooms"] if room.startswith("device:"))
    assert refusal(phone, "rooms.subscribe", room=room).code == "FORBIDDEN"
    assert refusal(phone, "rooms.subscribe", room="device:x").code == "FORBIDDEN"


def test_who_is_in_too_many_rooms_calls_nobody_but_can_reject(
    connect: Connect, settings: Settings, direct: Conversation, alice: User, bob: User
) -> None:
    caller, phone, tablet = connect(alice), connect(bob), connect(bob)
    settings.REALTIME = {**settings.REALTIME, "MAX_ROOMS": 0}
    assert refusal(caller, "call.invite", conversationId=str(direct.pk)).code == "TOO_MANY_ROOMS"
    assert not Call.objects.exists()
    settings.REALTIME = {**settings.REALTIME, "MAX_ROOMS": 1}
    call = begin(caller, direct)
    phone.expect("call.invite", callId=call)
    settings.REALTIME = {**settings.REALTIME, "MAX_ROOMS": 0}
    assert refusal(phone, "call.accept", callId=call).code == "TOO_MANY_ROOMS"
    assert Call.objects.get().state == "ringing"
    tablet.call("call.reject", {"callId": call})
    assert caller.expect("call.reject")["callId"] == call


def test_calls_and_signals_have_their_rates(connect: Connect, direct: Conversation, alice: User, bob: User) -> None:
    caller = connect(alice)
    for _ in range(30):
        caller.call("call.hangup", {"callId": begin(caller, direct)})
    assert refusal(caller, "call.invite", conversationId=str(direct.pk)).code == "RATE_LIMITED"
