"""The plain codec: whatever text comes, the answer is a request, an error or a close code."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from realtime.codec import DIRECT, Push
from realtime.errors import ClientError, Close
from realtime.transports.plain import PLAIN, ProtocolError, Request, RequestError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT, JSON, JSON)
def test_every_frame_of_the_right_shape_is_read_as_it_is(event: str, data: Any, identifier: Any) -> None:
    request = PLAIN.decode(json.dumps({"event": event, "data": data, "id": identifier}, ensure_ascii=False))
    assert request.event == event
    assert json.loads(bytes(request.data)) == data
    assert json.loads(bytes(request.id)) == identifier


def test_data_and_id_may_be_left_out() -> None:
    request = PLAIN.decode('{"event": "ping"}')
    assert (bytes(request.data), bytes(request.id)) == (b"{}", b"")


@given(TEXT | JSON.map(json.dumps) | TEXT.map(lambda text: '{"event":"x","id":1,' + text))
@example("[" * 100_000)
@example('{"event":"ping","id":1,"a":' * 2000)
@example("")
@example('{"event":"ping"} {"event":"ping"}')
@example("\ufeff{}")
@example('{"event":"ping","data":{"n":1e999}}')
def test_whatever_comes_is_a_request_or_an_error(text: str) -> None:
    outcome = _outcome(text)
    if isinstance(outcome, RequestError):
        assert outcome.error.code == "INVALID_PAYLOAD"
        json.loads(outcome.id or b"null")
    elif isinstance(outcome, ProtocolError):
        assert outcome.close == Close.NOT_JSON
        with pytest.raises((ValueError, RecursionError)):
            json.loads(text, parse_constant=_refuse)
    else:
        assert isinstance(outcome, Request)


def _outcome(text: str) -> Request | RequestError | ProtocolError:
    try:
        return PLAIN.decode(text)
    except (RequestError, ProtocolError) as error:
        return error


def _refuse(name: str) -> None:
    raise ValueError(name)


@given(JSON, JSON)
def test_replies_are_json_under_the_id_that_was_sent(identifier: Any, data: Any) -> None:
    raw = msgspec.json.encode(identifier)
    frame = PLAIN.reply(raw, msgspec.json.encode(data))
    assert frame is not None
    assert json.loads(frame.parts[0]) == {"event": "reply", "id": identifier, "ok": True, "data": data}
    error = ClientError("CONFLICT", "no", details={"a": ["b"]}, retry_after=3)
    refused = PLAIN.reply(raw, error)
    assert refused is not None
    assert json.loads(refused.parts[0]) == {
        "event": "reply",
        "id": identifier,
        "ok": False,
        "error": {"code": "CONFLICT", "message": "no", "details": {"a": ["b"]}, "retryAfter": 3},
    }


def test_without_an_id_only_an_error_is_answered() -> None:
    assert PLAIN.reply(b"", b"{}") is None
    frame = PLAIN.reply(b"", ClientError("CONFLICT", "no"))
    assert frame is not None
    assert json.loads(frame.parts[0]) == {"event": "error", "data": {"code": "CONFLICT", "message": "no"}}


@given(JSON, st.sampled_from(["durable", "latest", "droppable", DIRECT]))
def test_a_push_is_an_event_with_its_data_and_an_offset_if_it_can_be_recovered(data: Any, policy: str) -> None:
    frame = PLAIN.push(Push("thing.happened", msgspec.json.encode(data), 0.0, "e-1", policy))
    assert frame is not None
    offset = {"offset": "e-1"} if policy == "durable" else {}
    assert json.loads(frame.parts[0]) == {"event": "thing.happened", "data": data} | offset
    assert frame.is_droppable == (policy == "droppable")


@pytest.mark.parametrize("identifier", ["1", '"a"', "null", '{"b": [1]}'])
def test_half_an_emoji_is_an_error_under_its_id(identifier: str) -> None:
    with pytest.raises(RequestError) as refused:
        PLAIN.decode('{"event": "\\ud83d", "id": %s}' % identifier)  # noqa: UP031
    assert json.loads(refused.value.id) == json.loads(identifier)


@pytest.mark.parametrize("identifier", ['"\\q"', '"\\u12"', "01", "1.", "NaN", "'a'"])
def test_an_id_that_is_no_json_is_never_repeated(identifier: str) -> None:
    with pytest.raises(ProtocolError):
        PLAIN.decode('{"event": "ping", "id": ' + identifier + "}")
