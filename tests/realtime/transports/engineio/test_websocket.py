"""The WebSocket of a session: from the first or by an upgrade, and how each end is told."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from realtime.errors import Close
from realtime.transports.engineio.packets import MalformedError
from tests.realtime.transports.engineio.wires import Engine, frame
from tests.realtime.waiting import soon, until

pytestmark = pytest.mark.asyncio


# -- from the first -------------------------------------------------------------------------------


async def test_messages_pass_both_ways_in_order(engine: Engine) -> None:
    socket, layer = await engine.connected()
    socket.say("4hello", b"\x01\x02", "4", b"")
    await until(lambda: len(layer.messages) == 4)
    assert layer.messages == ["hello", b"\x01\x02", "", b""]
    for number in range(300):
        layer.session.write(frame(str(number)))
    layer.session.write(frame(b"\x03"))
    await socket.got(301)
    assert socket.packets == [*(f"4{number}" for number in range(300)), b"\x03"]


async def test_nothing_more_is_read_while_the_layer_does_not_listen(engine: Engine) -> None:
    socket, layer = await engine.connected()
    layer.listens.clear()
    socket.say("41", "42", "43")
    await until(lambda: socket.incoming.qsize() == 2)
    layer.listens.set()
    await until(lambda: layer.messages == ["1", "2", "3"])


async def test_a_client_that_leaves_ends_the_session(engine: Engine) -> None:
    socket, layer = await engine.connected()
    socket.leave()
    assert await socket.closed() is None
    assert layer.ends == ["transport close"]
    assert engine.app.sessions == {}


@pytest.mark.parametrize(
    ("code", "reason"), [(1007, "parse error"), (1009, "transport error"), (1006, "transport close")]
)
async def test_what_the_server_below_has_closed_has_its_reason(engine: Engine, code: int, reason: str) -> None:
    socket, layer = await engine.connected()
    socket.leave(code)
    await socket.closed()
    assert layer.ends == [reason]


async def test_a_close_packet_ends_the_session(engine: Engine) -> None:
    socket, layer = await engine.connected()
    socket.say("1")
    assert await socket.closed() == 1000
    assert layer.ends == ["transport close"]


@pytest.mark.parametrize("packet", ["", "abc", "2", "5", "6"])
async def test_a_malformed_packet_closes_with_4400(engine: Engine, packet: str) -> None:
    socket, layer = await engine.connected()
    socket.say(packet, "4too late")
    assert await socket.closed() == Close.MALFORMED
    assert layer.ends == ["parse error"]
    assert layer.messages == []


async def test_what_the_layer_calls_malformed_closes_with_4400(engine: Engine) -> None:
    socket, layer = await engine.connected()
    layer.error = MalformedError()
    socket.say("4x")
    assert await socket.closed() == Close.MALFORMED


async def test_what_the_layer_fails_at_closes_with_1011(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    socket, layer = await engine.connected()
    layer.error = ZeroDivisionError()
    socket.say("4x")
    assert await socket.closed() == Close.INTERNAL
    assert layer.ends == ["transport error"]


@pytest.mark.parametrize("packet", ["4" * 11, "4€€€€", b"\x00" * 11])
async def test_a_frame_over_the_limit_closes_with_1009(
    engine: Engine, configure: Callable[..., None], packet: str | bytes
) -> None:
    configure(max_payload=10)
    socket, layer = await engine.connected()
    socket.say("4" * 10, "4€€€", b"\x00" * 10, packet)
    assert await socket.closed() == Close.TOO_BIG
    assert len(layer.messages) == 3
    assert layer.ends == ["transport error"]


async def test_a_silent_client_is_closed(engine: Engine, configure: Callable[..., None]) -> None:
    configure(heartbeat_interval=0.001, heartbeat_timeout=0.001)
    socket, layer = await engine.connected()
    assert await socket.closed() == 1000
    assert socket.packets == ["2"]
    assert layer.ends == ["ping timeout"]


async def test_a_client_that_answers_pings_stays(engine: Engine, configure: Callable[..., None]) -> None:
    configure(heartbeat_interval=0.001)
    socket, layer = await engine.connected()
    for number in range(1, 6):
        await socket.got(number)
        socket.say("3")
    assert layer.ends == []


async def test_close_writes_what_is_queued_and_then_the_code(engine: Engine) -> None:
    socket, layer = await engine.connected()
    socket.reads.clear()
    layer.session.write(frame("1"))
    layer.session.write(frame("2"))
    layer.session.close()
    assert layer.ends == ["forced close"]
    layer.session.write(frame("too late"))
    socket.say("4too late")
    socket.reads.set()
    await soon(layer.session.closed(10))
    assert await socket.closed() == Close.GOING_AWAY
    assert socket.packets == ["41", "42"]
    assert layer.messages == []


async def test_a_closing_session_whose_client_does_not_read_ends_in_time(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.transports.engineio.session.LINGER", 0.001)
    monkeypatch.setattr("realtime.transports.engineio.websocket.CLOSE_TIMEOUT", 0.001)
    socket, layer = await engine.connected()
    socket.reads.clear()
    layer.session.write(frame("1"))
    layer.session.close()
    assert await socket.closed() is None
    assert layer.ends == ["forced close"]


async def test_a_client_that_reads_too_slowly_is_cut_with_1013(engine: Engine, configure: Callable[..., None]) -> None:
    configure(send_buffer=10_000)
    socket, layer = await engine.connected()
    socket.reads.clear()
    layer.session.write(frame("0"))
    await asyncio.sleep(0)
    for number in range(100):
        layer.session.write(frame(str(number)))
    assert layer.ends == ["transport error"]
    socket.reads.set()
    assert await socket.closed() == Close.SLOW_CONSUMER
    assert socket.packets == []


async def test_a_client_that_never_reads_again_holds_nothing_up(
    engine: Engine, configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.transports.engineio.websocket.CLOSE_TIMEOUT", 0.001)
    configure(send_buffer=10_000)
    socket, layer = await engine.connected()
    socket.reads.clear()
    while not layer.ends:
        layer.session.write(frame("x"))
    assert await socket.closed() is None
    assert socket.task.cancelling() == 0  # who awaits the application is not cancelled with it


async def test_a_connection_that_breaks_under_a_write_ends_the_session_quietly(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    socket, layer = await engine.connected()
    socket.error = ConnectionResetError()
    layer.session.write(frame("x"))
    await socket.closed()
    assert layer.ends == ["transport close"]
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []


async def test_a_server_that_fails_at_a_write_is_logged(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    socket, layer = await engine.connected()
    socket.error = ZeroDivisionError()
    layer.session.write(frame("x"))
    await socket.closed()
    assert layer.ends == ["transport close"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_a_server_that_stops_closes_with_1001(engine: Engine) -> None:
    socket, layer = await engine.connected()
    socket.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await socket.ended()
    assert socket.close_code == Close.GOING_AWAY
    assert layer.ends == ["transport close"]
    await soon(layer.session.closed(60))


async def test_an_end_while_the_layer_is_busy_waits_for_it(engine: Engine) -> None:
    socket, layer = await engine.connected()
    layer.listens.clear()
    socket.say("4x")
    await until(socket.incoming.empty)
    layer.session.abort("forced close")
    await until(lambda: socket.close_code == 1000)
    assert not socket.task.done()
    layer.listens.set()
    await socket.closed()
    assert layer.messages == ["x"]


# -- the upgrade ----------------------------------------------------------------------------------


async def test_an_upgrade_changes_the_transport(engine: Engine) -> None:
    client = await engine.polling()
    socket = await client.upgraded()
    socket.say("4up", b"\x01")
    client.session.write(frame("down"))
    client.session.write(frame(b"\x02"))
    await socket.got(2)
    await until(lambda: len(client.layer.messages) == 2)
    assert client.layer.messages == ["up", b"\x01"]
    assert socket.packets == ["4down", b"\x02"]


async def test_the_poll_in_flight_is_released_after_the_probe(engine: Engine) -> None:
    client = await engine.polling()
    poll = await client.polled()
    await client.probed()
    assert (await poll.answered()).text == "6"
    assert (await client.get().answered()).text == "6"  # and so is every one until the upgrade


async def test_an_upgrade_that_is_faster_than_the_release_refuses_the_poll(
    engine: Engine, configure: Callable[..., None]
) -> None:
    configure(poll_release=30)
    client = await engine.polling()
    poll = await client.polled()
    socket = await client.probed()
    assert client.session.requests.is_polled
    socket.say("5", "4hello")
    assert (await poll.answered()).status == 400
    await until(lambda: client.layer.messages == ["hello"])


async def test_what_was_queued_during_the_upgrade_comes_over_the_websocket(engine: Engine) -> None:
    client = await engine.polling()
    socket = await client.probed()
    for number in range(10):
        client.session.write(frame(str(number)))
    assert socket.packets == []
    socket.say("5")
    await socket.got(10)
    assert socket.packets == [f"4{number}" for number in range(10)]


async def test_polling_delivers_until_the_upgrade_is_complete(engine: Engine) -> None:
    client = await engine.polling()
    socket = await client.probed()
    client.session.write(frame("1"))
    assert (await client.get().answered()).text == "41"
    client.session.write(frame("2"))
    socket.say("5")
    await socket.got(1)
    assert socket.packets == ["42"]


async def test_what_a_post_brought_before_the_upgrade_is_heard_before_what_comes_after(engine: Engine) -> None:
    client = await engine.polling()
    client.layer.listens.clear()
    client.layer.dawdles = True
    post = client.post("41\x1e42")
    await until(lambda: client.session.requests.is_posted)
    socket = await client.probed()
    socket.say("5", "43")
    await until(lambda: client.session.has_line)
    client.layer.listens.set()
    assert (await post.answered()).text == "ok"
    await until(lambda: len(client.layer.messages) == 3)
    assert client.layer.messages == ["1", "2", "3"]


@pytest.mark.parametrize("first", ["2", "3probe", "2probes", "4hello", "5", b"2probe"])
async def test_a_wrong_probe_is_refused_and_polling_goes_on(engine: Engine, first: str | bytes) -> None:
    client = await engine.polling()
    socket = client.websocket()
    socket.say(first)
    assert await socket.closed() == Close.MALFORMED
    client.session.write(frame("still here"))
    assert (await client.get().answered()).text == "4still here"


async def test_a_probe_without_an_upgrade_is_refused_and_polling_goes_on(engine: Engine) -> None:
    client = await engine.polling()
    socket = await client.probed()
    socket.say("4hello")
    assert await socket.closed() == Close.MALFORMED
    poll = await client.polled()
    client.session.write(frame("still here"))
    assert (await poll.answered()).text == "4still here"


async def test_a_probe_that_is_abandoned_leaves_polling_as_it_was(engine: Engine) -> None:
    client = await engine.polling()
    socket = await client.probed()
    socket.leave()
    await socket.ended()
    await client.upgraded()  # another may try


@pytest.mark.parametrize("packets", [[], ["2probe"]])
async def test_a_probe_that_takes_too_long_is_refused_and_polling_goes_on(
    engine: Engine, configure: Callable[..., None], packets: list[str]
) -> None:
    configure(upgrade_timeout=0.01)
    client = await engine.polling()
    socket = client.websocket()
    socket.say(*packets)
    assert await socket.closed() == Close.MALFORMED
    configure(upgrade_timeout=10)
    await client.upgraded()


async def test_a_second_probe_is_refused_while_the_first_is_under_way(engine: Engine) -> None:
    client = await engine.polling()
    first = await client.probed()
    assert await client.websocket().closed() == Close.MALFORMED
    first.say("5")
    await until(lambda: client.session.has_line)


async def test_a_second_upgrade_is_refused_and_the_first_goes_on(engine: Engine) -> None:
    client = await engine.polling()
    first = await client.upgraded()
    assert await client.websocket().closed() == Close.MALFORMED
    client.session.write(frame("still here"))
    await first.got(1)
    assert client.layer.ends == []


async def test_a_session_on_a_websocket_alone_is_not_upgraded(engine: Engine) -> None:
    _, layer = await engine.connected()
    socket = engine.websocket(f"EIO=4&transport=websocket&sid={layer.session.id}")
    assert await socket.closed() == Close.MALFORMED
    assert layer.ends == []


async def test_a_session_that_ends_takes_its_probe_with_it(engine: Engine) -> None:
    client = await engine.polling()
    socket = await client.probed()
    await client.post("1").answered()
    assert await socket.closed() == Close.MALFORMED


async def test_a_session_that_ends_as_the_upgrade_comes_is_not_upgraded(engine: Engine) -> None:
    client = await engine.polling()
    socket = await client.probed()
    socket.say("5")
    client.session.abort("forced close")
    assert await socket.closed() == Close.MALFORMED
    assert not client.session.has_line


async def test_a_session_that_is_closing_delivers_the_rest_over_the_upgrade(engine: Engine) -> None:
    client = await engine.polling()
    socket = await client.probed()
    client.session.write(frame("last words"))
    client.session.close()
    socket.say("5")
    assert await socket.closed() == Close.GOING_AWAY
    assert socket.packets == ["4last words"]
    assert client.layer.ends == ["forced close"]


async def test_a_server_that_stops_during_a_probe_leaves_nothing(engine: Engine) -> None:
    client = await engine.polling()
    socket = await client.probed()
    socket.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await socket.ended()
    await client.upgraded()
