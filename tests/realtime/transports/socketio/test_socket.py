"""One namespace of a client: its events in order, what waits, and every end."""

import asyncio
from typing import Any

import pytest

from accounts.models import User
from accounts.tokens import access_token
from realtime.errors import ClientError, Close
from realtime.outbound import Frame
from realtime.process import Process
from realtime.transports.engineio.session import EngineSession
from realtime.transports.socketio.socket import Event, Socket
from tests.integration.test_sessions import token_for
from tests.realtime.transports.socketio.clients import PYTHON
from tests.realtime.transports.socketio.conftest import Configure, Open, instances, socket_tasks
from tests.realtime.waiting import until

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


def sink_of(process: Process) -> Socket:
    (session,) = process.hub.sessions
    assert isinstance(session.sink, Socket)
    return session.sink


# -- events -------------------------------------------------------------------------------------------------


async def test_an_event_comes_back_with_all_its_arguments(open_client: Open) -> None:
    client = await open_client(PYTHON)
    await client.enter("/lab")
    await client.expect("hello")
    client.say('42/lab,["message",1,"2",{"3":[true]}]')
    await client.expect("message-back")
    assert client.raw[-1] == '42/lab,["message-back",1,"2",{"3":[true]}]'


async def test_an_event_comes_back_with_all_its_attachments(open_client: Open) -> None:
    client = await open_client(PYTHON)
    await client.enter("/lab")
    await client.expect("hello")
    holes = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'
    client.say(f'452-/lab,["message",{holes}]', b"\1\2\3", b"\4\5\6")
    await client.expect("message-back")
    assert client.raw[-3:] == [f'452-/lab,["message-back",{holes}]', b"\1\2\3", b"\4\5\6"]


async def test_ten_attachments_come_back_and_empty_ones_too(open_client: Open) -> None:
    client = await open_client(PYTHON)
    await client.enter("/lab")
    blobs = [bytes([number]) * (number * 1000) for number in range(10)]
    client.emit("/lab", "message", {"deep": [{"er": blobs[:5]}]}, *blobs[5:])
    assert await client.expect("message-back") == [{"deep": [{"er": blobs[:5]}]}, *blobs[5:]]


async def test_a_command_gets_bytes_in_base64(open_client: Open) -> None:
    client = await open_client(PYTHON)
    await client.enter("/lab")
    client.emit("/lab", "base64", b"\xff\xfe")
    assert await client.expect("message-back") == ["//4="]


async def test_attachments_of_one_packet_have_a_limit_together(open_client: Open, configure: Configure) -> None:
    configure(max_payload=10_000)
    client = await open_client()
    await client.enter("/lab")
    client.emit("/lab", "message", *[b"x" * 2000] * 5)
    await client.expect("message-back")
    client.emit("/lab", "message", *[b"x" * 2001] * 5)
    assert await client.ended() == 4400


async def test_events_run_strictly_in_order(open_client: Open, gate: asyncio.Event) -> None:
    client = await open_client()
    await client.enter("/lab")
    client.emit("/lab", "hold", 1, id=0)
    for number in range(1, 50):
        client.emit("/lab", "message", number, id=number)
    await until(client._incoming.empty)
    assert 3 not in client.kinds()
    gate.set()
    await client.ack(49, "/lab")
    assert [p.id for p in client.packets if p.kind == 3] == list(range(50))


async def test_what_was_sent_before_the_answer_to_connect_waits_for_the_greeting(open_client: Open) -> None:
    client = await open_client()
    client.say("40/lab,", '42/lab,1["message",1]', '42/lab,["message",2]')
    await client.expect("message-back")
    assert client.kinds() == [0, 2, 3, 2]
    assert client.events()[0][0] == "hello"


async def test_what_is_told_before_the_greeting_comes_after_it(
    open_client: Open, configure: Configure, alice: User, process: Process
) -> None:
    configure(connect_pause=0.05)
    speaker, client = await open_client(), await open_client()
    await speaker.enter("/lab", {"token": access_token(alice)})
    await client.enter("/lab")
    assert client.events() == []
    assert await speaker.call("/lab", "note", 5)
    await client.expect("noted")
    assert [event[0] for event in client.events()] == ["hello", "noted"]


async def test_half_of_a_surrogate_pair_is_an_invalid_payload_and_the_client_stays(open_client: Open) -> None:
    client = await open_client()
    await client.enter("/lab")
    client.say('42/lab,1["message","\\ud83d"]', '42/lab,2["message",{"\\udc00":1}]', '42/lab,3["\\ud83d"]')
    client.say('42/lab,4["message","\\ud83d\\ude00"]', '42/lab,["message","\\ud83d"]')
    assert [(await client.ack(number, "/lab"))[0]["code"] for number in (1, 2, 3)] == [
        "INVALID_PAYLOAD",
        "INVALID_PAYLOAD",
        "UNKNOWN_EVENT",
    ]
    assert await client.ack(4, "/lab") == ["😀"]
    assert (await client.expect("error"))[0]["code"] == "INVALID_PAYLOAD"


@pytest.mark.parametrize("depth", [10, 63, 64, 100, 300, 500, 900, 1100])
@pytest.mark.parametrize("pair", ["[]", ('{"a":', "}")])
async def test_any_depth_of_an_event_comes_back_or_is_refused(open_client: Open, pair: Any, depth: int) -> None:
    client = await open_client()
    await client.enter("/lab")
    client.say(f'42/lab,1["message",{pair[0] * depth}1{pair[1] * depth}]')
    await until(lambda: 3 in client.kinds() or client.task.done())
    assert client.close_code == (4400 if depth > 63 else None)


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" * 400, "-0.0", "1e-400", "0.1", "12.50"])
async def test_any_number_comes_back(open_client: Open, number: str) -> None:
    client = await open_client()
    await client.enter("/lab")
    client.say(f'42/lab,1["message",{number}]')
    (told,) = await client.ack(1, "/lab")
    assert told == (None if "e400" in number else float(number) if "." in number else told)


async def test_arguments_that_a_handler_does_not_want_are_refused(open_client: Open) -> None:
    client = await open_client()
    await client.enter("/lab")
    for wrong in (None, "1", 1.5, [1], {"number": 1}, b"1", True):
        assert (await client.call("/lab", "hold", wrong))[0]["code"] == "INVALID_PAYLOAD"
    assert (await client.call("/lab", "hold"))[0]["code"] == "INVALID_PAYLOAD"


# -- backpressure -------------------------------------------------------------------------------------------


async def test_of_a_thousand_events_behind_a_slow_one_none_is_lost(
    open_client: Open, configure: Configure, gate: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    silences, on_silence = list[EngineSession](), EngineSession._on_silence

    def noted(session: EngineSession) -> None:
        silences.append(session)
        on_silence(session)

    monkeypatch.setattr(EngineSession, "_on_silence", noted)
    configure(inbox=10, heartbeat_interval=0.5, heartbeat_timeout=0.5)  # less is no time on a busy machine
    client = await open_client()
    await client.enter("/lab")
    client.emit("/lab", "hold", 1, id=0)
    for number in range(1, 1000):
        client.emit("/lab", "message", number, id=number)
    await client.until(lambda: len(silences) > 1)  # it is the server that does not listen: it must not complain
    waiting = client._incoming.qsize()
    assert waiting >= 980, "what is not in the inbox is not read"
    assert len(instances(Event)) <= 12
    client.pong()
    gate.set()
    await client.ack(999, "/lab")
    assert [p.id for p in client.packets if p.kind == 3] == list(range(1000))
    assert await client.call("/lab", "message", "alive") == ["alive"]


async def test_big_events_fill_the_inbox_before_many_do(
    open_client: Open, configure: Configure, gate: asyncio.Event
) -> None:
    configure(max_payload=10_000)
    client = await open_client()
    await client.enter("/lab")
    client.emit("/lab", "hold", 1)
    for _ in range(20):
        client.emit("/lab", "base64", "x" * 8000, b"small")
    for _ in range(200):
        await asyncio.sleep(0)  # as often as could be needed to read all
    assert 1 <= len(instances(Event)) <= 3
    gate.set()
    await client.expect("message-back", count=20)


async def test_who_does_not_read_is_cut_with_1013(open_client: Open, configure: Configure, process: Process) -> None:
    configure(send_buffer=20_000)
    client = await open_client()
    await client.enter("/lab")
    await client.expect("hello")
    client.reads.clear()
    client.emit("/lab", "burst", 1000)
    await until(lambda: not process.hub.sessions)
    client.reads.set()
    assert await client.ended() == 1013


# -- ends -----------------------------------------------------------------------------------------------------


async def test_a_handlers_end_is_awaited_though_the_client_went_away(
    open_client: Open, process: Process, gate: asyncio.Event
) -> None:
    client = await open_client()
    await client.enter("/lab")
    client.emit("/lab", "hold", 1)
    client.emit("/lab", "message", "never")
    await until(lambda: client._incoming.empty() and bool(process.hub.sessions) and sink_of(process)._is_busy)
    await client.leave()
    assert socket_tasks() == ["socket"]
    assert len(process.hub.sessions) == 1
    gate.set()
    await until(lambda: not socket_tasks())
    assert process.hub.sessions == set()


async def test_who_leaves_while_a_handler_runs_hears_nothing_more(
    open_client: Open, process: Process, gate: asyncio.Event
) -> None:
    client = await open_client()
    await client.enter("/lab")
    client.emit("/lab", "hold", 1, id=1)
    await until(lambda: bool(process.hub.sessions) and sink_of(process)._is_busy)
    client.emit("/lab", "message", 1, id=2)
    client.say("41/lab,")
    await until(lambda: sink_of(process).is_closed)
    gate.set()
    await until(lambda: not socket_tasks() or process.hub.sessions == set())
    await client.enter("/polite")
    assert 3 not in client.kinds()


async def test_who_is_put_out_hears_why_and_disconnect_and_stays_on_the_transport(
    open_client: Open, alice: User, process: Process
) -> None:
    client = await open_client()
    await client.enter("/lab", {"token": access_token(alice)})
    await client.enter("/polite")
    client.emit("/lab", "kick")
    await client.until(lambda: 1 in client.kinds())
    assert client.kinds("/lab")[-2:] == [2, 1]
    assert client.events("error", "/lab")[0][0]["code"] == "AUTH_FAILED"
    assert await client.call("/polite", "message", 1) == [1]
    assert len(process.hub.sessions) == 1


async def test_who_is_put_out_of_one_namespace_is_put_out_of_all_that_are_theirs(
    open_client: Open, alice: User, bob: User, process: Process
) -> None:
    client = await open_client()
    for namespace, user in {"/lab": alice, "/": alice, "/ws": bob}.items():
        await client.enter(namespace, {"token": access_token(user)})
    client.emit("/lab", "kick")
    await client.until(lambda: client.kinds().count(1) == 2)
    assert {p.namespace for p in client.packets if p.kind == 1} == {"/lab", "/"}
    assert (await client.call("/ws", "ping"))[0].keys() == {"timestamp"}


async def test_a_token_that_expires_ends_the_namespace_with_an_error(open_client: Open, alice: User) -> None:
    client = await open_client()
    await client.enter("/lab", {"token": token_for(alice, 1.5)})
    await client.expect("auth.expiring")
    await client.until(lambda: 1 in client.kinds())
    assert client.events("error")[0][0]["code"] == "TOKEN_EXPIRED"
    assert not client.task.done()


async def test_a_session_that_fails_closes_the_transport_so_that_the_client_comes_back(
    open_client: Open, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise RuntimeError("secret detail")

    client = await open_client()
    await client.enter("/lab")
    monkeypatch.setattr("realtime.transports.socketio.socket.run", fails)
    client.emit("/lab", "message", 1)
    assert await client.ended() == 1011
    assert 1 not in client.kinds()
    assert "secret" not in str(client.raw)
    assert "a session failed" in caplog.text
    caplog.clear()


async def test_a_handler_that_crashes_tells_no_details(
    open_client: Open, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    client = await open_client()
    await client.enter("/lab", {"token": access_token(alice)})
    (answer,) = await client.call("/lab", "crash")
    assert answer["code"] == "INTERNAL"
    assert "secret" not in str(client.raw)
    assert "secret detail of the database" in caplog.text
    caplog.clear()
    assert await client.call("/lab", "message", 1) == [1]


async def test_a_client_that_says_close_is_gone_at_once(open_client: Open, process: Process) -> None:
    client = await open_client()
    await client.enter("/lab")
    client.say("1")
    await client.ended()
    await until(lambda: not process.hub.sessions)


@pytest.mark.parametrize(
    ("act", "reason"),
    [("leave", "client namespace disconnect"), ("go", "transport close"), ("break", "parse error")],
)
async def test_the_reason_of_an_end_is_logged(
    open_client: Open, caplog: pytest.LogCaptureFixture, act: str, reason: str
) -> None:
    client = await open_client()
    await client.enter("/lab")
    client.say({"leave": "41/lab,", "go": "1", "break": "4abc"}[act])
    await until(lambda: reason in {getattr(record, "reason", None) for record in caplog.records})
    record = next(record for record in caplog.records if hasattr(record, "reason"))
    assert (record.levelname, record.__dict__["namespace"]) == ("INFO", "/lab")


async def test_a_closed_socket_takes_and_tells_nothing(open_client: Open, process: Process) -> None:
    client = await open_client()
    await client.enter("/lab")
    await client.expect("hello")
    sink = sink_of(process)
    sink.close(Close.UNAUTHENTICATED, "AUTH_FAILED")
    number = len(client.raw)
    sink.close(Close.UNAUTHENTICATED, "AUTH_FAILED")
    sink.write(Frame.of("42/lab,[]"))
    sink.acknowledge(1, "late")
    sink.session.end(ClientError("AUTH_FAILED", "no"), Close.GOING_AWAY)
    await sink.take("message", [1], 1, 10)
    await client.enter("/polite")
    await client.expect("hello", "/polite")
    assert [p for p in client.packets[number:] if p.namespace == "/lab"] in ([], [(1, "/lab", None, None)])
