"""A client that does what it can: the process goes on, others notice nothing, and nothing is left behind."""

import asyncio
import gc
import json
import logging
import random
import tracemalloc
from collections import Counter
from typing import Any

import pytest

from accounts.models import User
from accounts.tokens import access_token
from realtime.process import Process
from realtime.sessions import Session
from realtime.transports.engineio.session import EngineSession
from realtime.transports.socketio.client import Client as ServersClient
from realtime.transports.socketio.socket import Socket
from tests.realtime.transports.socketio.clients import Client
from tests.realtime.transports.socketio.conftest import Configure, Open, instances, nothing_is_left
from tests.realtime.transports.socketio.test_packets import MALFORMED
from tests.realtime.waiting import soon, until

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

LETTERS = '0123456789-,/[]{}":\\ abelmsgu\u00e9\x00\x1e'
KINDS = (ServersClient, Socket, Session, EngineSession)
PIECES = [
    *(
        "40",
        "41",
        "42",
        "43",
        "44",
        "45",
        "46",
        "4",
        "451-",
        "452-",
        "4510-",
        "461-",
        "0",
        "1",
        "2",
        "2probe",
        "5",
        "6",
    ),
    *("/lab,", "/ws,", "/band,", "/polite,", "/x,", "/,", "?a=b,", "1", "77", "999999999999999", "1234567890123456"),
    *(
        "[]",
        "{}",
        "null",
        '["message",1]',
        '["connect"]',
        '["auth","x"]',
        '["message",',
        '{"token":"x"}',
        '{"pid":"x"}',
    ),
    *(
        '{"_placeholder":true,"num":0}',
        '["a",{"_placeholder":true,"num":0}]',
        '["join",{"room":[]}]',
        '"\\ud83d"',
        "NaN",
    ),
    *(
        '["hold",{}]',
        '["ask","x"]',
        '["ping"]',
        "[[[[",
        '["message",1e400]',
        '["base64","\\u0000"]',
        "\x1e",
        "\U0001f600",
    ),
]


def counted() -> Counter[str]:
    """The objects of connections that are in memory."""
    found = instances(*KINDS)  # in one search, because each goes through all that is in memory
    return Counter({kind.__name__: sum(isinstance(thing, kind) for thing in found) for kind in KINDS})


def malformed(chance: random.Random) -> list[str | bytes]:
    """Some messages, nearly right or not at all."""
    messages: list[str | bytes] = []
    for _ in range(chance.randint(1, 6)):
        match chance.randint(0, 5):
            case 0:
                messages.append("".join(chance.choices(LETTERS, k=chance.randint(0, 60))))
            case 1:
                messages.append("4" + str(chance.choice(MALFORMED))[:5000])
            case 2:
                messages.append(chance.randbytes(chance.randint(0, 50)))
            case _:
                messages.append("".join(chance.choices(PIECES, k=chance.randint(1, 5))))
    return messages


async def abuse(messages: list[str | bytes], first: str = "") -> Client:
    """One client that says all this; it is there until the server closes it or has read all."""
    client = await Client().opened()
    client.say(*([first] if first else []), *messages)
    await until(lambda: client._incoming.empty() or client.task.done())
    return client


@pytest.mark.parametrize("seed", range(4))
async def test_a_thousand_malformed_clients_leave_nothing(
    open_client: Open, process: Process, configure: Configure, seed: int
) -> None:
    """Each of 250 on a connection of its own, four times; somebody else talks on and notices nothing."""
    configure(connections_per_address="100000/minute", connect_timeout=1000, ack_timeout=0.01)
    chance = random.Random(seed)
    witness = await open_client()
    await witness.enter("/lab")
    before = counted()
    for number in range(250):
        client = await abuse(malformed(chance), chance.choice(["", "40/lab,", "40/polite,", "40/band,", "40/lab,"]))
        if not client.task.done():
            await client.leave()
        if number % 25 == 0:
            assert await witness.call("/lab", "message", number) == [number]
    await until(lambda: len(process.hub.sessions) == 1)
    await until(lambda: counted() == before)
    assert process.troubles == []
    assert len(process.connections) == 1


async def test_every_malformed_packet_closes_one_connection_and_no_other(
    open_client: Open, process: Process, configure: Configure
) -> None:
    configure(connections_per_address="100000/minute")
    witness = await open_client()
    await witness.enter("/lab")
    before = counted()
    for text in MALFORMED:
        client = await abuse(["4" + text], "40/lab,")
        assert await client.ended() == 4400, text[:100]
    await until(lambda: len(process.hub.sessions) == 1)
    assert await witness.call("/lab", "message", 1) == [1]
    await until(lambda: counted() == before)


async def test_bad_events_in_one_stream_leave_the_client_connected(open_client: Open, configure: Configure) -> None:
    """What has the form of an event is answered, whatever is in it."""
    configure(ack_timeout=0.001)
    client = await open_client()
    await client.enter("/lab")
    chance = random.Random(1)
    values: list[Any] = [
        None,
        True,
        -1,
        1.5,
        "",
        "x" * 1000,
        "\0",
        "\ud83d",
        [],
        {},
        [[]],
        {"room": []},
        b"",
        {"": None},
    ]
    names = [
        "message",
        "hold",
        "ask",
        "join",
        "note",
        "auth",
        "",
        "\0",
        "\ud83d",
        "__class__",
        "ping",
        "kick",
        "x" * 900,
    ]
    for number in range(1000):
        client.emit("/lab", chance.choice(names), *chance.choices(values, k=chance.randint(0, 3)), id=number)
    await client.ack(999, "/lab")
    answers = [p for p in client.packets if p.kind in {3, 6}]
    assert [p.id for p in answers] == list(range(1000))
    refusals = [p.data[0] for p in answers if p.data and isinstance(p.data[0], dict) and "code" in p.data[0]]
    codes = {refusal["code"] for refusal in refusals}
    internal = {refusal["error"] for refusal in refusals if refusal["code"] == "INTERNAL"}
    assert internal == {"The client did not answer in time."}
    assert {"UNKNOWN_EVENT", "INVALID_PAYLOAD"} <= codes


@pytest.mark.parametrize("token", [True, False])
async def test_comings_and_goings_leave_nothing(
    open_client: Open, process: Process, configure: Configure, alice: User, token: bool
) -> None:
    """300 times CONNECT and DISCONNECT in one breath, then 100 times with what comes between."""
    configure(connections_per_address="100000/minute", recovery_window=0, recovery_sessions=0)
    client = await open_client()
    text = "40/lab," + (json.dumps({"token": access_token(alice)}) if token else "")
    before = counted()
    for _ in range(300):
        client.say(text, "41/lab,")
    for number in range(100):
        client.say(text, f'42/lab,{number}["message",1]')
        await client.ack(number, "/lab")
        client.say("41/lab,")
    await until(lambda: not process.hub.sessions and client._incoming.empty())
    assert not client.task.done()
    client.packets.clear()
    await until(lambda: counted() == before)


async def test_memory_is_flat_over_hundreds_of_connections(
    open_client: Open, process: Process, configure: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    """What one of the abusers cost is let go of: 200 more of them add less than 300 bytes each.

    A connection that stayed would be some 10,000. What does grow a little are counters of `limits` (one
    time stamp a CONNECT, for a minute) and timers of the test's own that were cancelled: 110 were measured.
    """
    configure(connections_per_address="100000/minute")

    async def some(number: int) -> None:
        for _ in range(number):
            client = await abuse(['42/lab,["message",{"a":[1,2,3]}]', '42/lab,["no-such"]', "4abc"], "40/lab,")
            await client.ended()
        await nothing_is_left(process)
        gc.collect()

    caplog.set_level(logging.ERROR, logger="realtime")  # pytest keeps every line
    await some(50)
    tracemalloc.start()
    try:
        await some(20)
        start, _ = tracemalloc.get_traced_memory()
        await some(200)
        end, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert end - start < 200 * 300


async def test_half_a_packet_in_many_connections_is_let_go_of(open_client: Open, process: Process) -> None:
    before = counted()
    clients = [await open_client() for _ in range(50)]
    holes = ",".join(json.dumps({"_placeholder": True, "num": number}) for number in range(10))
    for client in clients:
        client.say("40/lab,", f'4510-/lab,["message",{holes}]', *[b"x" * 1000] * 9)
    await until(lambda: all(client._incoming.empty() for client in clients))
    for client in clients:
        await client.leave()
    await nothing_is_left(process)
    await until(lambda: counted() == before)


async def test_a_client_that_never_reads_is_cut_whatever_it_sends(open_client: Open, configure: Configure) -> None:
    configure(send_buffer=50_000, connections_per_address="100000/minute")
    kinds = ['42/lab,1["message","' + "x" * 500 + '"]', "40/nowhere" + "x" * 500 + ",", '42/lab,["no-such"]']
    for text in kinds:
        client = await open_client()
        await client.enter("/lab")
        await client.expect("hello")
        client.reads.clear()
        client.say(*[text] * 1000)
        await until(client._incoming.empty)  # it is read on, for nothing
        client.reads.set()
        assert await client.ended() == 1013


async def test_a_flood_of_connects_to_unknown_namespaces_is_answered_and_forgotten(open_client: Open) -> None:
    client = await open_client()
    before = counted()
    for number in range(500):
        client.say(f"40/{number},")
    await client.until(lambda: client.kinds().count(4) == 500)
    await client.enter("/lab")
    await until(lambda: counted() - before == Counter({"Socket": 1, "Session": 1}))


async def test_going_away_at_any_moment_leaves_nothing(
    open_client: Open, process: Process, configure: Configure, alice: User
) -> None:
    """After any number of steps of the event loop between CONNECT and some answers."""
    configure(connections_per_address="100000/minute", recovery_sessions=0)
    before = counted()
    token = json.dumps({"token": access_token(alice)})
    for steps in range(60):
        client = await Client().opened()
        client.say(f"40/lab,{token}", '42/lab,1["note",1]', '42/lab,["message",1]', f"40/ws,{token}")
        for _ in range(steps * 2):
            await asyncio.sleep(0)
        await client.leave()
    await nothing_is_left(process)
    process.log.sweep()
    await until(lambda: counted() == before)


async def test_a_process_that_stops_while_handlers_run_leaves_no_task(
    open_client: Open, process: Process, gate: asyncio.Event
) -> None:
    client = await open_client()
    await client.enter("/lab")
    client.emit("/lab", "hold", 1)
    await until(client._incoming.empty)
    draining = asyncio.create_task(process.drain())
    assert await client.ended() == 1001
    gate.set()
    await soon(draining)
    await nothing_is_left(process)
