"""Acknowledgements, both ways."""

import asyncio
from typing import Any

import pytest

from realtime.codec import DIRECT, Push
from realtime.process import Process
from realtime.transports.socketio.acks import Acks, UnansweredError
from realtime.transports.socketio.socket import Socket
from tests.realtime.transports.socketio.conftest import Configure, Open
from tests.realtime.waiting import soon, until

pytestmark = pytest.mark.asyncio

QUESTION = Push("lab.gauge", b'{"name":"asked","value":7}', 0.0, "x-1", DIRECT)


def sink_of(process: Process) -> Socket:
    (session,) = process.hub.sessions
    assert isinstance(session.sink, Socket)
    return session.sink


# -- those that the server asked for, alone ---------------------------------------------------------------


async def test_an_answer_is_returned_to_who_asked_for_it() -> None:
    acks, numbers = Acks(), list[int]()
    asked = [asyncio.create_task(acks.ask(numbers.append)) for _ in range(3)]
    await until(lambda: len(numbers) == 3)
    assert len(set(numbers)) == 3
    for number in reversed(numbers):
        acks.resolve(number, [number])
    assert await asyncio.gather(*asked) == [[number] for number in numbers]


async def test_a_second_answer_and_one_that_nobody_waits_for_are_passed_over() -> None:
    acks, numbers = Acks(), list[int]()
    asked = asyncio.create_task(acks.ask(numbers.append))
    await until(lambda: bool(numbers))
    acks.resolve(numbers[0] + 1, ["wrong"])
    acks.resolve(None, ["wrong"])
    acks.resolve(numbers[0], ["right"])
    acks.resolve(numbers[0], ["late"])
    assert await asked == ["right"]
    acks.resolve(numbers[0], ["later"])


async def test_an_answer_that_does_not_come_is_a_timeout(configure: Configure) -> None:
    configure(ack_timeout=0.01)
    acks, numbers = Acks(), list[int]()
    with pytest.raises(UnansweredError, match="in time"):
        await acks.ask(numbers.append)
    acks.resolve(numbers[0], ["late"])


async def test_pending_answers_fail_when_the_client_goes() -> None:
    acks, numbers = Acks(), list[int]()
    asked = [asyncio.create_task(acks.ask(numbers.append)) for _ in range(2)]
    await until(lambda: len(numbers) == 2)
    acks.fail()
    assert [type(error) for error in await asyncio.gather(*asked, return_exceptions=True)] == [UnansweredError] * 2
    acks.resolve(numbers[0], ["late"])
    acks.fail()


async def test_a_question_that_cannot_be_sent_waits_for_nothing() -> None:
    acks = Acks()

    def fails(number: int) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await acks.ask(fails)
    assert acks._pending == {}


# -- on the wire ------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
class TestOnTheWire:
    async def test_a_client_answers_a_question_of_a_handler(self, open_client: Open) -> None:
        client = await open_client()
        await client.enter("/lab")
        client.emit("/lab", "ask", 5, id=1)
        await client.expect("gauge")
        question = next(p for p in client.packets if p.kind == 2 and p.data[0] == "gauge")
        assert question.data == ["gauge", "asked", 5], "a question carries no offset"
        assert question.id is not None
        client.say(f'43/lab,{question.id}["yes",{{"a":1}}]')
        assert await client.ack(1, "/lab") == ["yes", {"a": 1}]

    async def test_an_answer_can_be_binary(self, open_client: Open, process: Process) -> None:
        client = await open_client()
        await client.enter("/lab")
        await client.expect("hello")
        asked = asyncio.create_task(sink_of(process).ask(QUESTION))
        await client.expect("gauge")
        number = client.packets[-1].id
        client.say(f'461-/lab,{number}[{{"_placeholder":true,"num":0}}]', b"blob")
        assert await soon(asked) == [b"blob"]

    async def test_a_client_that_does_not_answer_costs_its_time_out(
        self, open_client: Open, configure: Configure
    ) -> None:
        client = await open_client()
        await client.enter("/lab")
        configure(ack_timeout=0.02)
        client.emit("/lab", "ask", 5, id=1)
        assert await client.ack(1, "/lab") == [
            {"success": False, "error": "The client did not answer in time.", "code": "INTERNAL"}
        ]
        client.say("43/lab,0[1]", "43/lab,77[1]", "43/lab,999999999999999[]")
        assert await client.call("/lab", "message", 1) == [1]

    async def test_questions_that_are_pending_fail_when_the_client_goes(
        self, open_client: Open, process: Process
    ) -> None:
        client = await open_client()
        await client.enter("/lab")
        await client.expect("hello")
        sink = sink_of(process)
        asked = asyncio.create_task(sink.ask(QUESTION))
        await client.expect("gauge")
        await client.leave()
        with pytest.raises(UnansweredError, match="has gone"):
            await soon(asked)
        with pytest.raises(UnansweredError, match="has gone"):
            await soon(sink.ask(QUESTION))

    async def test_questions_that_are_pending_fail_when_the_client_leaves_the_namespace(
        self, open_client: Open, process: Process
    ) -> None:
        client = await open_client()
        await client.enter("/lab")
        await client.expect("hello")
        asked = asyncio.create_task(sink_of(process).ask(QUESTION))
        await client.expect("gauge")
        client.say("41/lab,", f"43/lab,{client.packets[-1].id}[1]")
        with pytest.raises(UnansweredError, match="has gone"):
            await soon(asked)

    async def test_a_question_without_a_word_for_it_is_a_developers_mistake(
        self, open_client: Open, process: Process
    ) -> None:
        client = await open_client()
        await client.enter("/lab")
        await client.expect("hello")
        with pytest.raises(LookupError):
            await sink_of(process).ask(QUESTION._replace(name="no.such"))
        assert client.events()[1:] == []

    async def test_a_handler_that_asks_does_not_wait_for_itself(self, open_client: Open) -> None:
        """Other events wait behind it; the answer does not."""
        client = await open_client()
        await client.enter("/lab")
        client.emit("/lab", "ask", 1, id=1)
        for number in range(10):
            client.emit("/lab", "message", number)
        await client.expect("gauge")
        assert client.events("message-back") == []
        client.say('43/lab,0["now"]')
        assert await client.ack(1, "/lab") == ["now"]
        await client.expect("message-back", count=10)

    async def test_an_answer_behind_a_full_inbox_is_read(self, open_client: Open, configure: Configure) -> None:
        configure(inbox=2)
        client = await open_client()
        await client.enter("/lab")
        client.emit("/lab", "ask", 1, id=1)
        await client.expect("gauge")
        for number in range(10):
            client.emit("/lab", "message", number)
        client.say('43/lab,0["an answer"]')
        assert await client.ack(1, "/lab") == ["an answer"]
        await client.expect("message-back", count=10)

    @pytest.mark.parametrize("number", [0, 1, 999_999_999_999_999])
    async def test_an_event_is_acknowledged_under_its_id(self, open_client: Open, number: int) -> None:
        client = await open_client()
        await client.enter("/lab")
        client.emit("/lab", "message-with-ack", 1, "2", {"3": [False]}, id=number)
        await client.ack(number, "/lab")
        assert client.raw[-1] == f'43/lab,{number}[1,"2",{{"3":[false]}}]'
        assert client.events("message-back") == []

    async def test_an_event_is_acknowledged_with_attachments(self, open_client: Open) -> None:
        client = await open_client()
        await client.enter("/lab")
        holes = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'
        client.say(f'452-/lab,789["message-with-ack",{holes}]', b"\1\2\3", b"\4\5\6")
        assert await client.ack(789, "/lab") == [b"\1\2\3", b"\4\5\6"]
        assert client.raw[-3:] == [f"462-/lab,789[{holes}]", b"\1\2\3", b"\4\5\6"]

    async def test_an_id_that_is_used_again_is_answered_again(self, open_client: Open) -> None:
        client = await open_client()
        await client.enter("/lab")
        for text in "abc":
            client.emit("/lab", "message", text, id=1)
        await client.until(lambda: client.kinds().count(3) == 3)
        assert [p.data for p in client.packets if p.kind == 3] == [["a"], ["b"], ["c"]]

    async def test_every_failure_is_acknowledged_once_and_sends_no_error(self, open_client: Open, caplog: Any) -> None:
        client = await open_client()
        await client.enter("/lab")
        failures: dict[str, list[Any]] = {
            "UNKNOWN_EVENT": ["no-such"],
            "INVALID_PAYLOAD": ["hold", "x"],
            "AUTH_REQUIRED": ["note", 1],
            "FORBIDDEN": ["join", {"room": "vault:1"}],
        }
        for code, event in failures.items():
            (answer,) = await client.call("/lab", *event)
            if code != "FORBIDDEN":  # who is nobody has to log in first
                assert answer.pop("code") == code
            assert answer["success"] is False
            assert isinstance(answer["error"], str)
        assert client.events("error") == []

    async def test_every_failure_without_an_id_sends_one_error(self, open_client: Open) -> None:
        client = await open_client()
        await client.enter("/lab")
        client.emit("/lab", "no-such")
        client.emit("/lab", "hold", "x")
        await client.expect("error", count=2)
        codes = [error[0]["code"] for error in client.events("error")]
        assert codes == ["UNKNOWN_EVENT", "INVALID_PAYLOAD"]
        assert 3 not in client.kinds()

    async def test_a_reply_that_is_an_event_and_an_acknowledgement_is_both(self, open_client: Open) -> None:
        client = await open_client()
        await client.enter("/lab")
        assert await client.call("/lab", "both", 1) == [1]
        assert (await client.expect("message-back"))[0] == 1

    async def test_a_ping_with_an_id_is_acknowledged_and_without_one_answered(self, open_client: Open) -> None:
        client = await open_client()
        await client.enter("/lab")
        assert (await client.call("/lab", "ping"))[0].keys() == {"timestamp"}
        assert client.events("pong") == []
        client.emit("/lab", "ping")
        assert (await client.expect("pong"))[0].keys() == {"timestamp"}

    async def test_a_client_that_goes_while_a_handler_asks_it_is_no_error_of_the_server(
        self, open_client: Open, process: Process, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = await open_client()
        await client.enter("/lab")
        client.emit("/lab", "ask", 1)
        await client.expect("gauge")
        await client.leave()
        await until(lambda: not process.hub.sessions)
        errors = [record.message for record in caplog.records if record.levelname == "ERROR"]
        caplog.clear()
        assert errors == []
