"""A client's connection: what it may say when, several namespaces at once, and the end."""

import asyncio

import pytest

from accounts.models import User
from accounts.tokens import access_token
from realtime.process import Process
from tests.realtime.transports.socketio.clients import Client
from tests.realtime.transports.socketio.conftest import Configure, Open
from tests.realtime.waiting import until

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


# -- CONNECT ------------------------------------------------------------------------------------------------


async def test_the_main_namespace_is_connected_to(open_client: Open, alice: User) -> None:
    client = await open_client()
    answer = await client.enter("/", {"token": access_token(alice)})
    assert answer.keys() == {"sid", "pid"}
    assert str(client.raw[0]).startswith('40{"sid":"')
    assert (await client.expect("connected"))[0]["userId"] == str(alice.pk)


async def test_another_namespace_is_connected_to(open_client: Open, alice: User) -> None:
    client = await open_client()
    answer = await client.enter("/lab", {"token": access_token(alice)})
    assert answer.keys() == {"sid", "pid"}
    assert str(client.raw[0]).startswith('40/lab,{"sid":"')
    assert (await client.expect("hello", "/lab"))[:1] == [str(alice.pk)]


@pytest.mark.parametrize("text", ["40/lab,", "40/lab", "40/lab,{}", "40/lab?token=abc,{}"])
async def test_connect_is_understood_in_every_spelling(open_client: Open, text: str) -> None:
    client = await open_client()
    client.say(text)
    await client.expect("hello", "/lab")


@pytest.mark.parametrize("name", ["/x", "/lab/", "/LAB", "/lab2", "/ws/../lab", "/" + "x" * 1000, "/é", "/\n"])
async def test_an_unknown_namespace_is_refused_and_the_client_stays(open_client: Open, name: str) -> None:
    client = await open_client()
    client.say(f'40{name},{{"token":"t"}}')
    await until(lambda: bool(client.raw))
    assert client.raw == [f'44{name},{{"message":"Invalid namespace"}}']
    await client.enter("/lab")


async def test_an_unknown_namespace_is_not_entered_by_asking(open_client: Open) -> None:
    client = await open_client()
    client.say("40/x,", '42/x,["a"]')
    assert await client.ended() == 4400


async def test_a_second_connect_is_ignored(open_client: Open) -> None:
    client = await open_client()
    client.say("40/lab,", "40/lab,")
    await client.expect("hello")
    client.say("40/lab,")
    assert await client.call("/lab", "message", 1) == [1]
    assert client.kinds() == [0, 2, 3]


@pytest.mark.parametrize(
    "text", ['42["a"]', "41", "43[]", "431[]", '44{"message":"x"}', "4abc", "4", "42/lab,1[]", '42/lab,["a"]']
)
async def test_anything_before_connect_closes(open_client: Open, text: str) -> None:
    client = await open_client()
    client.say(text)
    assert await client.ended() == 4400
    assert client.raw == []


async def test_an_event_with_attachments_before_connect_closes_at_once(open_client: Open) -> None:
    client = await open_client()
    client.say('452-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]')
    assert await client.ended() == 4400


async def test_a_binary_message_before_connect_closes(open_client: Open) -> None:
    client = await open_client()
    client.say(b"blob")
    assert await client.ended() == 4400


async def test_who_does_not_connect_in_time_is_closed(open_client: Open, configure: Configure) -> None:
    configure(connect_timeout=0.05)
    client = await open_client()
    assert await client.ended() == 4408


async def test_an_unknown_namespace_does_not_count_as_connecting(open_client: Open, configure: Configure) -> None:
    configure(connect_timeout=0.1)
    client = await open_client()
    client.say("40/x")
    assert await client.ended() == 4408
    assert client.kinds() == [4]


async def test_who_has_connected_stays(
    open_client: Open, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(connect_timeout=1000, heartbeat_interval=3000)
    client = await open_client()
    await client.enter("/lab")
    loop = asyncio.get_running_loop()
    now = loop.time
    monkeypatch.setattr(loop, "time", lambda: now() + 2000)
    assert await client.call("/lab", "message", 1) == [1]


# -- what closes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parts",
    [
        ("4abc",),
        ("42{}",),
        ('42abc["message-with-ack",1,"2",{"3":[false]}]',),
        ("47",),
        ("42/lab,",),
        ("42/lab,[]",),
        ('42/lab,["a"',),
        ('42/lab,["connect"]',),
        ("42/lab,[7]",),
        ('42/lab,1234567890123456["a"]',),
        ('42/lab,["a",NaN]',),
        ("43/lab,[]",),
        ("43/lab,1{}",),
        ('44/lab,{"message":"x"}',),
        ("41/lab,{}",),
        ("40/lab,[]",),
        ('40/lab,"text"',),
        ("40/x,[]",),
        ('450-/lab,["a"]',),
        ('4511-/lab,["a"]',),
        ('42/x,["a"]',),
        ("41/x,",),
        (b"blob",),
        ('451-/lab,["a",{"_placeholder":true,"num":0}]', '42/lab,["b"]'),
        ('451-/lab,["a",{"_placeholder":true,"num":0}]', "41/lab,"),
        ('451-/lab,["a",{"_placeholder":true,"num":1}]', b"blob"),
        ('451-/lab,["a",{"_placeholder":true,"num":-1}]', b"blob"),
        ('451-/lab,["a",{"_placeholder":true,"num":true}]', b"blob"),
        ('451-/lab,["message",{"_placeholder":true,"num":0}]', b"blob", b"one more"),
        ('451-/lab,["a",' + "[" * 80 + '{"_placeholder":true,"num":0}' + "]" * 80 + "]", b"blob"),
        ('42/lab,["message",' + "[" * 50_000 + "]" * 50_000 + "]",),
    ],
    ids=lambda parts: repr(parts[0][:50]),
)
async def test_what_is_malformed_closes(open_client: Open, process: Process, parts: tuple[str | bytes, ...]) -> None:
    client = await open_client()
    await client.enter("/lab")
    client.say(*parts)
    assert await client.ended() == 4400
    assert not process.hub.sessions


async def test_what_is_malformed_closes_though_pongs_arrive(open_client: Open, configure: Configure) -> None:
    configure(heartbeat_interval=0.01)
    client = await open_client()
    await client.enter("/lab")
    await client.until(lambda: client.pings > 0)
    client.say("3", '451-/lab,["a",{"_placeholder":true,"num":0}]', "3", "42")
    assert await client.ended() == 4400


async def test_a_pong_may_come_between_attachments(open_client: Open, configure: Configure) -> None:
    configure(heartbeat_interval=0.01)
    client = await open_client()
    await client.enter("/lab")
    await client.until(lambda: client.pings > 0)
    client.say('451-/lab,["message",{"_placeholder":true,"num":0}]', "3", b"blob")
    assert await client.expect("message-back", "/lab") == [b"blob", *client.events("message-back")[0][1:]]


# -- DISCONNECT ---------------------------------------------------------------------------------------------


async def test_a_client_that_leaves_the_main_namespace_stays_connected_to_another(
    open_client: Open, alice: User, process: Process
) -> None:
    client = await open_client()
    await client.enter("/", {"token": access_token(alice)})
    await client.enter("/lab")
    client.say("41")
    assert await client.call("/lab", "message", "still") == ["still"]
    await until(lambda: len(process.hub.sessions) == 1)


async def test_a_client_that_leaves_a_namespace_stays_connected_to_the_main_one(open_client: Open, alice: User) -> None:
    client = await open_client()
    await client.enter("/", {"token": access_token(alice)})
    await client.enter("/lab")
    client.say("41/lab,")
    assert (await client.call("/", "ping"))[0].keys() == {"timestamp"}
    assert 1 not in client.kinds(), "the server says nothing to it"


async def test_a_client_that_has_left_all_namespaces_can_come_back(open_client: Open, process: Process) -> None:
    client = await open_client()
    pids = set()
    for _ in range(3):
        answer = await client.enter("/lab")
        pids.add(answer["pid"])
        await client.expect("hello", "/lab", count=len(pids))
        client.say("41/lab,")
    assert len(pids) == 3
    await until(lambda: not process.hub.sessions)
    assert not client.task.done()


async def test_a_client_may_leave_and_come_back_in_one_breath(open_client: Open, process: Process) -> None:
    client = await open_client()
    client.say("40/lab,", "41/lab,", "40/lab,", '42/lab,["message",1]')
    assert (await client.expect("message-back"))[0] == 1
    assert len(process.hub.sessions) == 1


async def test_a_late_packet_for_a_namespace_just_left_is_ignored(open_client: Open) -> None:
    client = await open_client()
    await client.enter("/lab")
    await client.enter("/band", {})
    late = '451-/lab,2["message",{"_placeholder":true,"num":0}]'
    client.say("41/lab,", '42/lab,1["message",1]', late, b"blob", "43/lab,7[]", "41/lab,")
    client.emit("/band", "message", id=3)
    assert await client.ack(3, "/band")
    assert all(p.namespace != "/lab" or p.kind in {0, 2} for p in client.packets)


async def test_a_late_packet_that_is_malformed_closes_all_the_same(open_client: Open) -> None:
    client = await open_client()
    await client.enter("/lab")
    client.say("41/lab,", '42/lab,["connect"]')
    assert await client.ended() == 4400


# -- several namespaces -------------------------------------------------------------------------------------


async def test_each_namespace_is_a_session_of_its_own(
    open_client: Open, alice: User, bob: User, process: Process
) -> None:
    client = await open_client()
    main = await client.enter("/", {"token": access_token(alice)})
    other = await client.enter("/ws", {"token": access_token(bob)})
    third = await client.enter("/lab")
    ids = [main["sid"], other["sid"], third["sid"], main["pid"], other["pid"], third["pid"], client.opening["sid"]]
    assert len(set(ids)) == 7, "neither is another"
    assert {session.user.id for session in process.hub.sessions} == {str(alice.pk), str(bob.pk), ""}
    assert (await client.expect("connected", "/ws"))[0] == {"userId": str(bob.pk)}


async def test_a_slow_namespace_does_not_hold_up_another(open_client: Open, gate: asyncio.Event) -> None:
    client = await open_client()
    await client.enter("/lab")
    await client.enter("/polite")
    client.emit("/lab", "hold", 1, id=1)
    assert await client.call("/polite", "message", 1) == [1]
    assert not any(p.kind == 3 and p.namespace == "/lab" for p in client.packets)
    gate.set()
    assert await client.ack(1, "/lab") == [{"number": 1}]


async def test_acknowledgements_with_one_id_in_two_namespaces_are_kept_apart(open_client: Open) -> None:
    client = await open_client()
    await client.enter("/lab")
    await client.enter("/polite")
    client.emit("/lab", "message", "a", id=5)
    client.emit("/polite", "message", "b", id=5)
    assert await client.ack(5, "/lab") == ["a"]
    assert await client.ack(5, "/polite") == ["b"]


# -- the end of a server --------------------------------------------------------------------------------------


async def test_a_server_that_drains_closes_the_transport_and_says_no_disconnect(
    open_client: Open, process: Process
) -> None:
    client = await open_client()
    await client.enter("/lab")
    await client.enter("/polite")
    await client.expect("hello", "/polite")
    await process.drain()
    assert await client.ended() == 1001
    assert 1 not in client.kinds()
    late = Client()
    assert await late.ended() is not None
    assert not late.opening


async def test_a_client_whose_handshake_ends_in_a_draining_server_is_sent_away(
    open_client: Open, process: Process, alice: User
) -> None:
    late = Client(headers=[(b"authorization", f"Bearer {access_token(alice)}".encode())])
    while late.scope["headers"][1:] != []:  # noqa: ASYNC110 -- until its token is being checked
        await asyncio.sleep(0)
    await process.drain()
    await late.ended()
    assert not process.connections
