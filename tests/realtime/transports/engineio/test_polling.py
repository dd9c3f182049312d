"""GET and POST of a session: one of each at a time, in order, and nothing for the dead."""

import asyncio
from collections.abc import Callable

import pytest

from realtime.transports.engineio.packets import MalformedError
from tests.realtime.transports.engineio.wires import Engine, frame
from tests.realtime.waiting import soon, until

pytestmark = pytest.mark.asyncio

BAD_REQUEST = {"code": 3, "message": "Bad request"}
UNKNOWN_SESSION = {"code": 1, "message": "Session ID unknown"}


# -- GET ------------------------------------------------------------------------------------------


async def test_a_poll_waits_for_a_message(engine: Engine) -> None:
    client = await engine.polling()
    poll = await client.polled()
    client.session.write(frame("news"))
    await poll.answered()
    assert (poll.status, poll.text) == (200, "4news")
    assert poll.headers["content-type"] == "text/plain; charset=UTF-8"
    assert poll.headers["cache-control"] == "no-store"


async def test_a_second_poll_ends_the_session_and_the_first_poll(engine: Engine) -> None:
    client = await engine.polling()
    first = await client.polled()
    second = await client.get().answered()
    await first.answered()
    assert (first.status, first.text) == (200, "1")
    assert (second.status, second.json) == (400, BAD_REQUEST)
    assert client.layer.ends == ["transport error"]
    assert (await client.get().answered()).json == UNKNOWN_SESSION


async def test_a_client_that_leaves_its_poll_ends_the_session(engine: Engine) -> None:
    client = await engine.polling()
    poll = await client.polled()
    poll.leave()
    await poll.ended()
    assert poll.sent == []
    assert client.layer.ends == ["transport close"]
    assert engine.app.sessions == {}


async def test_what_is_queued_is_not_given_to_a_poll_whose_client_has_gone(engine: Engine) -> None:
    client = await engine.polling()
    client.session.write(frame("secret"))
    poll = client.get()
    poll.leave()
    await poll.ended()
    assert poll.sent == []
    assert client.layer.ends == ["transport close"]


async def test_a_message_that_meets_the_departure_is_not_given_to_it(engine: Engine) -> None:
    client = await engine.polling()
    poll = await client.polled()
    poll.leave()
    client.session.write(frame("secret"))
    await poll.ended()
    assert poll.sent == []


async def test_a_server_that_stops_ends_the_poll_and_the_session(engine: Engine) -> None:
    client = await engine.polling()
    poll = await client.polled()
    poll.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await poll.ended()
    assert client.layer.ends == ["transport close"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_session_that_was_closed_is_told_by_its_poll(engine: Engine) -> None:
    client = await engine.polling()
    poll = await client.polled()
    client.session.write(frame("last words"))
    client.session.close()
    await soon(client.session.closed(10))
    await poll.answered()
    assert poll.text == "4last words\x1e1"
    assert (await client.get().answered()).json == UNKNOWN_SESSION


async def test_after_an_upgrade_a_poll_is_refused_and_the_session_goes_on(engine: Engine) -> None:
    client = await engine.polling()
    await client.upgraded()
    answers = [await client.get().answered(), await client.post("4x").answered()]
    assert [(answer.status, answer.json) for answer in answers] == [(400, BAD_REQUEST)] * 2
    assert client.layer.messages == []
    assert not client.session.is_closed


async def test_the_poll_that_the_upgrade_refuses_is_no_second_one(
    engine: Engine, configure: Callable[..., None]
) -> None:
    configure(poll_release=30)
    client = await engine.polling()
    first = await client.polled()
    socket = await client.probed()
    socket.say("5")
    second = client.get()
    assert [(await poll.answered()).status for poll in (first, second)] == [400, 400]
    assert client.layer.ends == []


# -- POST -----------------------------------------------------------------------------------------


async def test_messages_of_a_post_are_handled_in_order_and_then_it_is_answered(engine: Engine) -> None:
    client = await engine.polling()
    numbers = [str(number) for number in range(300)]
    answer = await client.post("\x1e".join(f"4{number}" for number in numbers)).answered()
    assert (answer.status, answer.text) == (200, "ok")
    assert client.layer.messages == numbers


async def test_a_body_may_come_in_chunks_that_cut_a_character(engine: Engine) -> None:
    client = await engine.polling()
    raw = "4€".encode()
    answer = await client.post(raw[:2], raw[2:], b"").answered()
    assert answer.text == "ok"
    assert client.layer.messages == ["€"]


async def test_the_answer_waits_until_the_layer_has_listened(engine: Engine) -> None:
    client = await engine.polling()
    client.layer.listens.clear()
    post = client.post("41\x1e42")
    await until(lambda: client.session.requests.is_posted)
    assert post.sent == []
    client.layer.listens.set()
    assert (await post.answered()).text == "ok"
    assert client.layer.messages == ["1", "2"]


async def test_a_second_post_ends_the_session(engine: Engine) -> None:
    client = await engine.polling()
    first = client.post("4", is_whole=False)
    await until(lambda: client.session.requests.is_posted)
    second = await client.post("4second").answered()
    assert (second.status, second.json) == (400, BAD_REQUEST)
    first.chunk("first", more=False)
    assert (await first.answered()).status == 400
    assert client.layer.messages == []
    assert client.layer.ends == ["transport error"]


async def test_a_poll_and_a_post_go_together(engine: Engine) -> None:
    client = await engine.polling()
    poll = await client.polled()
    assert (await client.post("4up").answered()).text == "ok"
    client.session.write(frame("down"))
    assert (await poll.answered()).text == "4down"


@pytest.mark.parametrize("body", ["", "abc", "4good\x1ebad", "b!", b"4\xff", "2", "5", "\x1e"])
async def test_a_malformed_body_ends_the_session(engine: Engine, body: str | bytes) -> None:
    client = await engine.polling()
    poll = await client.polled()
    answer = await client.post(body).answered()
    assert (answer.status, answer.json) == (400, BAD_REQUEST)
    assert (await poll.answered()).text == "1"
    assert client.layer.messages == []
    assert client.layer.ends == ["parse error"]


async def test_what_the_layer_calls_malformed_is_answered_with_400(engine: Engine) -> None:
    client = await engine.polling()
    client.layer.error = MalformedError()
    answer = await client.post("41\x1e42").answered()
    assert (answer.status, answer.json) == (400, BAD_REQUEST)
    assert client.layer.messages == ["1"]
    assert client.layer.ends == ["parse error"]


async def test_what_the_layer_fails_at_is_answered_with_500(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    client = await engine.polling()
    client.layer.error = ZeroDivisionError("secret")
    answer = await client.post("41").answered()
    assert (answer.status, answer.json["code"]) == (500, "INTERNAL")
    assert "secret" not in answer.text
    assert client.layer.ends == ["transport error"]


async def test_a_body_over_the_limit_is_refused_before_it_is_read(
    engine: Engine, configure: Callable[..., None]
) -> None:
    configure(max_payload=10)
    client = await engine.polling()
    answer = await client.post("4", is_whole=False, content_length="11").answered()
    assert answer.status == 413
    assert client.layer.ends == ["transport error"]
    assert (await client.get().answered()).json == UNKNOWN_SESSION


async def test_a_body_of_unknown_length_is_refused_as_soon_as_it_is_over_the_limit(
    engine: Engine, configure: Callable[..., None]
) -> None:
    configure(max_payload=10)
    client = await engine.polling()
    answer = await client.post("4" * 10, "4", is_whole=False).answered()
    assert answer.status == 413
    assert client.layer.messages == []
    assert client.layer.ends == ["transport error"]


async def test_a_body_of_just_the_limit_is_taken(engine: Engine, configure: Callable[..., None]) -> None:
    configure(max_payload=10)
    client = await engine.polling()
    assert (await client.post("4" * 10, content_length="10").answered()).text == "ok"
    assert (await client.post("4€€€").answered()).text == "ok"
    assert (await client.post("4€€€€").answered()).status == 413


async def test_a_post_that_breaks_off_ends_the_session(engine: Engine) -> None:
    client = await engine.polling()
    post = client.post("4half", is_whole=False)
    post.leave()
    await post.ended()
    assert post.sent == []
    assert client.layer.messages == []
    assert client.layer.ends == ["transport error"]


async def test_a_server_that_stops_ends_the_post_and_the_session(engine: Engine) -> None:
    client = await engine.polling()
    client.layer.listens.clear()
    post = client.post("4x")
    await until(lambda: client.session.requests.is_posted)
    post.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await post.ended()
    assert client.layer.ends == ["transport error"]
    assert not client.session.requests.is_posted


async def test_a_close_packet_is_answered_and_ends_the_poll_with_a_noop(engine: Engine) -> None:
    client = await engine.polling()
    poll = await client.polled()
    answer = await client.post("4bye\x1e1\x1e4too late").answered()
    assert answer.text == "ok"
    assert (await poll.answered()).text == "6"
    assert client.layer.messages == ["bye"]
    assert client.layer.ends == ["transport close"]
    assert (await client.post("4x").answered()).json == UNKNOWN_SESSION


async def test_what_comes_while_the_session_is_closing_is_not_heard(engine: Engine) -> None:
    client = await engine.polling()
    client.session.close()
    assert (await client.post("4x").answered()).text == "ok"
    assert client.layer.messages == []
    assert (await client.get().answered()).text == "1"


async def test_a_body_of_many_packets_does_not_keep_others_waiting(engine: Engine) -> None:
    client = await engine.polling()
    post = client.post("\x1e".join(["4"] * 10_000))
    await until(lambda: bool(client.layer.messages))
    assert not post.task.done()  # this task had a turn in between
    await post.answered()
    assert len(client.layer.messages) == 10_000
