"""What tables of a vocabulary are made of."""

from collections.abc import Iterator
from typing import Any

import pytest

from realtime.auth import NOBODY
from realtime.errors import ClientError
from realtime.vocabulary import (
    Ask,
    Door,
    Profile,
    doors,
    each,
    fields,
    no_payload,
    nothing,
    positions,
    register,
    renamed,
    whole,
)

STRANGER = NOBODY.identity
DATA = {"id": "7", "conversationId": "c", "text": "hi"}
PROFILE = Profile("test", {}, {}, lambda user: [])


@pytest.fixture
def namespace() -> Iterator[str]:
    yield "/test-vocabulary"
    doors.pop("/test-vocabulary", None)


def test_a_namespace_has_one_door(namespace: str) -> None:
    door = Door(namespace=namespace, profile=PROFILE)
    register(door)
    assert doors[namespace] is door
    with pytest.raises(TypeError, match="has a door already"):
        register(Door(namespace=namespace, profile=PROFILE))
    assert doors[namespace] is door


def test_profiles_and_doors_are_what_they_are_and_not_what_is_in_them() -> None:
    assert Profile("a", {}, {}, PROFILE.rooms) != Profile("a", {}, {}, PROFILE.rooms)
    assert len({PROFILE, Profile("test", {}, {}, PROFILE.rooms)}) == 2
    assert Door(namespace="/a", profile=PROFILE) != Door(namespace="/a", profile=PROFILE)


def test_an_ask_answers_an_acknowledgement_with_the_reply_as_it_is() -> None:
    ask = Ask("message.send", no_payload)
    assert ask.ack(STRANGER, DATA) is DATA
    assert (ask.reply, ask.is_either, dict(ask.errors)) == (None, False, {})


# -- what is told ---------------------------------------------------------------------------------------------------


def test_shapes_make_arguments_of_a_payload() -> None:
    assert list(whole(DATA, 1.0)) == [DATA]
    assert list(nothing(DATA, 1.0)) == []
    assert list(each("text", "id")(DATA, 1.0)) == ["hi", "7"]
    assert list(renamed(groupId="conversationId", id="id")(DATA, 1.0)) == [{"groupId": "c", "id": "7"}]


@pytest.mark.parametrize("shape", [each("missing"), renamed(theirs="missing")])
def test_a_shape_of_a_field_that_is_not_there_is_a_developers_mistake(shape: Any) -> None:
    with pytest.raises(LookupError):
        shape(DATA, 1.0)


# -- what is asked --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [[], [None], [1, 2], [{"a": 1}], ["x" * 100]])
def test_a_command_without_a_payload_takes_anything(arguments: list[Any]) -> None:
    assert no_payload(STRANGER, arguments) == {}


@pytest.mark.parametrize(
    ("sent", "payload"),
    [
        ({"text": "hi", "groupId": "g"}, {"text": "hi", "conversationId": "g"}),
        ({"text": "hi"}, {"text": "hi"}),
        ({"text": "", "groupId": 0}, {"text": "", "conversationId": 0}),
        ({"text": None, "groupId": None}, {}),
        ({"text": [1], "conversationId": "not theirs", "more": 1, "__proto__": 1}, {"text": [1]}),
        ({}, {}),
    ],
)
def test_fields_are_taken_out_of_an_object_under_our_names(sent: dict[str, Any], payload: dict[str, Any]) -> None:
    take = fields("text", conversationId="groupId")
    assert take(STRANGER, [sent]) == payload
    assert take(STRANGER, [sent, "and", "more"]) == payload


def test_an_object_that_is_not_there_is_an_empty_one() -> None:
    assert fields("text")(STRANGER, []) == {}


@pytest.mark.parametrize("wrong", [None, 1, "text", True, [], [{"text": "hi"}], b"text"])
def test_what_is_no_object_is_refused(wrong: Any) -> None:
    with pytest.raises(ClientError, match="has to be an object") as refused:
        fields("text")(STRANGER, [wrong])
    assert refused.value.code == "INVALID_PAYLOAD"


@pytest.mark.parametrize("take", [fields("text"), positions("text")])
def test_bytes_have_no_meaning_in_a_field(take: Any) -> None:
    argument: Any = {"text": b"hi"} if take.__qualname__.startswith("fields") else b"hi"
    with pytest.raises(ClientError, match="Binary data") as refused:
        take(STRANGER, [argument])
    assert refused.value.code == "INVALID_PAYLOAD"


def test_positions_take_as_many_arguments() -> None:
    take = positions("first", "second")
    assert take(STRANGER, [1, None]) == {"first": 1, "second": None}
    assert take(STRANGER, [1, 2, 3]) == {"first": 1, "second": 2}
    for few in ([], [1]):
        with pytest.raises(ClientError, match="first, second") as refused:
            take(STRANGER, few)
        assert refused.value.code == "INVALID_PAYLOAD"
