"""Calls between two people with several devices each, over two server processes."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from accounts.models import User
from chat import services
from chat.models import Call, Conversation
from realtime.testing import CallError, Client
from tests.chat.ringing import grow_old, how_it_stands
from tests.integration.conftest import Site, pair
from tests.integration.families import Connect, logged_in
from tests.integration.javascript import JavaScriptClient
from tests.integration.proxy import Proxy
from tests.integration.servers import ServerProcess

pytestmark = pair
Join = Callable[..., Client]
Serve = Callable[..., ServerProcess]
Between = Callable[[ServerProcess], Proxy]
WORDS = ("call-invite", "call-accept", "call-reject", "call-hangup", "call-signal")


@pytest.fixture
def direct(transactional_db: None, alice: User, bob: User) -> Iterator[Conversation]:
    """No call is left in it that a server would end while the tables are being emptied."""
    yield services.create_conversation(creator_id=alice.pk, kind="direct", members=[bob.pk])
    services.end_all_calls()


@pytest.fixture
def serve(site: Site) -> Iterator[Serve]:
    """`serve(CHAT_RING_TIMEOUT="1")`: one more process, to be killed if need be."""
    with ExitStack() as stack:

        def start(**settings: str) -> ServerProcess:
            server = ServerProcess(REDIS_URL=site.redis, **settings).start()
            stack.callback(server.stop)
            return server

        yield start


def begin(client: JavaScriptClient, conversation: Conversation, **more: Any) -> str:
    answer = client.call("call-invite", {"conversationId": str(conversation.pk)} | more)
    assert answer.keys() == {"callId"}, answer
    return str(answer["callId"])


def test_messengers_ring_answer_talk_and_hang_up_over_two_processes(
    site: Site, javascript: Connect, direct: Conversation, alice: User, bob: User, carol: User
) -> None:
    one, two = site.servers
    caller, desk = logged_in(javascript(one), alice), logged_in(javascript(two), alice)
    phone, tablet = logged_in(javascript(one), bob), logged_in(javascript(two), bob)
    stranger = logged_in(javascript(two), carol)
    call = begin(caller, direct, media="video", sdp={"type": "offer", "sdp": "v=0"}, unknown="is ignored")
    for device in (phone, tablet):
        heard = device.expect("call-invite")
        assert heard.pop("expiresAt").endswith("Z")
        assert heard == {
            "callId": call,
            "conversationId": str(direct.pk),
            "callerId": str(alice.pk),
            "media": "video",
            "sdp": {"type": "offer", "sdp": "v=0"},
        }
    tablet.emit("call-accept", {"callId": call, "sdp": {"type": "answer"}})
    about = {"callId": call, "conversationId": str(direct.pk), "userId": str(bob.pk)}
    assert caller.expect("call-accept") == about | {"sdp": {"type": "answer"}}
    assert phone.expect("call-hangup") == about | {"reason": "answeredElsewhere"}
    late = phone.call("call-accept", {"callId": call})
    assert (late["success"], late["code"], late["details"]) == (False, "CONFLICT", {"reason": "answeredElsewhere"})

    for number in range(10):
        caller.emit("call-signal", {"callId": call, "data": {"candidate": number}})
        tablet.emit("call-signal", {"callId": call, "data": [number]})
    for number in range(10):
        told = {"callId": call, "fromUserId": str(alice.pk), "data": {"candidate": number}}
        assert tablet.expect("call-signal") == told
        assert caller.expect("call-signal") == {"callId": call, "fromUserId": str(bob.pk), "data": [number]}
    phone.emit("call-signal", {"callId": call, "data": 1})
    assert phone.expect("error")["code"] == "FORBIDDEN"
    tablet.emit("call-hangup", {"callId": call})
    for device in (caller, phone, tablet):
        assert device.expect("call-hangup") == about | {"reason": "hangup"}
    phone.hears_nothing("call-signal")
    desk.hears_nothing("call-invite", "call-signal")
    stranger.hears_nothing(*WORDS)
    assert how_it_stands(Call.objects.get()) == ("ended", "hangup")


def test_a_plain_client_calls_a_messenger_and_is_rejected(
    site: Site, javascript: Connect, join: Join, direct: Conversation, alice: User, bob: User
) -> None:
    caller = join(site.servers[0], alice)
    phone, tablet = (logged_in(javascript(server), bob) for server in site.servers)
    groups = javascript(site.servers[0], bob)
    groups.expect("connected")
    call = caller.call("call.invite", {"conversationId": str(direct.pk)})["callId"]
    assert tablet.expect("call-invite", callId=call)["sdp"] is None
    phone.emit("call-reject", {"callId": call, "reason": "later"})
    assert caller.expect("call.reject", callId=call)["reason"] == "later"
    assert tablet.expect("call-hangup", callId=call)["reason"] == "rejectedElsewhere"
    phone.expect("call-invite", callId=call)
    phone.hears_nothing(*WORDS)
    groups.hears_nothing(*WORDS)  # it has not said a word of messenger's

    call = begin(phone, direct)
    caller.expect("call.invite", callId=call, callerId=str(bob.pk))
    caller.call("call.accept", {"callId": call, "sdp": "answer"})
    assert phone.expect("call-accept", callId=call)["sdp"] == "answer"
    caller.call("call.signal", {"callId": call, "data": {"to": "the phone"}})
    assert phone.expect("call-signal", callId=call)["data"] == {"to": "the phone"}
    tablet.hears_nothing("call-signal")


@pytest.mark.parametrize("has_token", [False, True])
def test_a_messenger_that_comes_while_it_rings_hears_it(
    site: Site, javascript: Connect, direct: Conversation, alice: User, bob: User, has_token: bool
) -> None:
    one, two = site.servers
    caller, _desk = logged_in(javascript(one), alice), logged_in(javascript(one), bob)
    call = begin(caller, direct, sdp="v=0")
    phone = logged_in(javascript(two, bob if has_token else None), bob)
    assert phone.expect("call-invite", callId=call)["sdp"] == "v=0"
    assert phone.call("call-accept", {"callId": call}) == {"callId": call}
    caller.expect("call-accept", callId=call)


def test_on_two_processes_at_once_one_device_answers_and_one_call_rings(
    site: Site, javascript: Connect, direct: Conversation, alice: User, bob: User
) -> None:
    caller = logged_in(javascript(site.servers[0]), alice)
    devices = [logged_in(javascript(server), bob) for server in site.servers * 2]
    for _ in range(5):
        call = begin(caller, direct)
        asked = [device.ask("call-accept", {"callId": call}) for device in devices]
        answers = [answer_of(device, number) for device, number in zip(devices, asked, strict=True)]
        assert sorted(answer.get("code", "accepted") for answer in answers) == ["CONFLICT"] * 3 + ["accepted"]
        caller.expect("call-accept", callId=call)
        caller.hears_nothing("call-accept")
        assert caller.call("call-hangup", {"callId": call}) == {"callId": call}

        callers = [caller, devices[1]]
        asked = [client.ask("call-invite", {"conversationId": str(direct.pk)}) for client in callers]
        answers = [answer_of(client, number) for client, number in zip(callers, asked, strict=True)]
        live = Call.objects.exclude(state="ended").get()
        refused = next(answer for answer in answers if "code" in answer)
        assert (refused["code"], refused["details"]) == ("CONFLICT", {"reason": "busy", "callId": str(live.pk)})
        services.hang_up(user_id=alice.pk, device="", call_id=live.pk)


def answer_of(client: JavaScriptClient, number: int) -> dict[str, Any]:
    """The acknowledgement under that number."""
    heard = client._wait_for(lambda one: one.on == "ack" and one.facts["call"] == number, 10)
    return dict(heard.payload)


def test_a_device_that_comes_back_is_in_its_call_still(
    site: Site, javascript: Connect, direct: Conversation, alice: User, bob: User
) -> None:
    caller = logged_in(javascript(site.servers[0], alice), alice)
    phone, tablet = (logged_in(javascript(server), bob) for server in site.servers)
    call = begin(caller, direct)
    phone.expect("call-invite")
    assert phone.call("call-accept", {"callId": call}) == {"callId": call}
    caller.expect("call-accept")
    caller.inbox.clear()
    caller.do("cut")
    caller.happens("disconnect")
    phone.emit("call-signal", {"callId": call, "data": "while you were away"})
    assert caller.happens("connect")["recovered"] is True
    assert caller.expect("call-signal")["data"] == "while you were away"
    caller.emit("call-signal", {"callId": call, "data": "here I am"})
    assert phone.expect("call-signal")["data"] == "here I am"
    assert how_it_stands(Call.objects.get()) == ("active", "")
    caller.disconnect()  # for good: nobody waits
    assert phone.expect("call-hangup")["reason"] == "failed"
    tablet.hears_nothing("call-signal")


def test_a_resumed_device_does_not_ring_for_what_is_over(
    site: Site, serve: Serve, javascript: Connect, proxy: Between, direct: Conversation, alice: User, bob: User
) -> None:
    server = serve(CHAT_RING_TIMEOUT="0.5")
    between = proxy(server)
    caller, phone = logged_in(javascript(server), alice), logged_in(javascript(between, bob), bob)
    assert phone.happens("connect")["recovered"] is False
    with between.away():
        phone.happens("disconnect")
        call = begin(caller, direct)
        assert caller.expect("call-hangup", callId=call)["reason"] == "timeout"
    assert phone.happens("connect")["recovered"] is True
    assert phone.expect("call-hangup", callId=call)["reason"] == "timeout"
    phone.hears_nothing("call-invite")
    assert [one["id"] for one in server.rest(bob, "GET", "calls/?missed=true")["results"]] == [call]


@pytest.mark.slow
def test_when_the_callers_process_is_killed_it_stops_ringing_with_the_lease(
    site: Site, serve: Serve, javascript: Connect, join: Join, direct: Conversation, alice: User, bob: User
) -> None:
    doomed = serve(REALTIME_PRESENCE_LEASE="1.5")
    phone = join(site.servers[1], bob)
    call = begin(logged_in(javascript(doomed), alice), direct)
    phone.expect("call.invite", callId=call)
    doomed.kill()
    assert phone.expect("call.hangup", callId=call, timeout=30)["reason"] == "failed"
    assert phone.call("call.invite", {"conversationId": str(direct.pk)})["callId"] != call


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_a_call_ends_with_the_process_of_a_device_though_its_person_is_elsewhere_too(
    site: Site, serve: Serve, javascript: Connect, join: Join, direct: Conversation, alice: User, bob: User, who: str
) -> None:
    hasty = {"REALTIME_PRESENCE_LEASE": "1.5", "CHAT_CALL_GRACE": "0.5"}
    doomed, watching = serve(**hasty), [serve(**hasty) for _ in range(2)]
    gone, here = (alice, bob) if who == "caller" else (bob, alice)
    lost, desk = logged_in(javascript(doomed, reconnection=False), gone), join(watching[0], gone)
    phone = join(watching[1], here)
    if who == "caller":
        call = begin(lost, direct)
        phone.call("call.accept", {"callId": call})
    else:
        call = phone.call("call.invite", {"conversationId": str(direct.pk)})["callId"]
        assert lost.call("call-accept", {"callId": call}) == {"callId": call}
    doomed.kill()
    for client in (phone, desk):
        assert client.expect("call.hangup", callId=call, reason="failed", timeout=30)["userId"] is None
        client.hears_nothing("call.reject")  # nor what came before that
        assert "failed" not in [frame["data"].get("reason") for frame in client.inbox]
    again = phone.call("call.invite", {"conversationId": str(direct.pk)})["callId"]
    assert desk.expect("call.invite", callId=again)["callerId"] == str(here.pk)


def test_when_the_callers_process_is_killed_the_call_blocks_no_new_one(
    site: Site, serve: Serve, javascript: Connect, join: Join, direct: Conversation, alice: User, bob: User
) -> None:
    doomed = serve()
    phone, desk = join(site.servers[1], bob), join(site.servers[0], alice)  # nobody goes offline
    call = begin(logged_in(javascript(doomed), alice), direct)
    phone.expect("call.invite", callId=call)
    doomed.kill()
    with pytest.raises(CallError) as refused:
        phone.call("call.invite", {"conversationId": str(direct.pk)})
    assert refused.value.error["details"] == {"reason": "busy", "callId": call}
    grow_old(Call.objects.get())
    again = phone.call("call.invite", {"conversationId": str(direct.pk)})["callId"]
    assert again != call
    assert phone.expect("call.hangup", callId=call)["reason"] == "timeout"
    assert desk.expect("call.invite")["callId"] == again


def test_a_process_that_ends_takes_its_calls_with_it(
    site: Site, serve: Serve, javascript: Connect, join: Join, direct: Conversation, alice: User, bob: User
) -> None:
    leaving = serve()
    phone, _desk = join(site.servers[1], bob), join(site.servers[0], alice)
    caller = join(leaving, alice)
    call = caller.call("call.invite", {"conversationId": str(direct.pk)})["callId"]
    phone.call("call.accept", {"callId": call})
    caller.expect("call.accept")
    assert leaving.stop() in {0, -signal.SIGTERM}
    assert phone.expect("call.hangup", callId=call)["reason"] == "failed"
    assert how_it_stands(Call.objects.get()) == ("ended", "failed")
