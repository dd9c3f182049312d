"""Packets, pure: what goes out is what the protocol says, what comes in is taken strictly."""

import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from realtime.transports.engineio.packets import MalformedError
from realtime.transports.socketio.packets import (
    MAX_ATTACHMENTS,
    MAX_DEPTH,
    RESERVED,
    Kind,
    Packet,
    decode,
    encode,
    fill,
)

PLACEHOLDER = {"_placeholder": True, "num": 0}

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
keys = st.text().filter(lambda key: key != "_placeholder")
jsons = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=20)
mixed = st.recursive(
    scalars | st.binary(), lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=MAX_ATTACHMENTS
)
names = st.text().filter(lambda name: name not in RESERVED)
namespaces = st.just("/") | st.text(min_size=1).filter(lambda text: not {",", "?"} & set(text)).map("/".__add__)
ids = st.none() | st.integers(0, 10**15 - 1)


def sent(kind: Kind, namespace: str, id: int | None, data: Any) -> Packet:
    """The packet after a way over the wire."""
    text, *blobs = encode(kind, namespace, id, data)
    assert isinstance(text, str)
    packet = decode(text.removeprefix("4"))
    assert packet.attachments == len(blobs)
    attachments = [blob for blob in blobs if isinstance(blob, bytes)]
    return packet._replace(data=fill(packet.data, attachments)) if attachments else packet


# -- both ways ----------------------------------------------------------------------------------------------


@given(namespaces, ids, names, st.lists(mixed, max_size=4))
def test_an_event_comes_out_as_it_went_in(namespace: str, id: int | None, name: str, arguments: list[Any]) -> None:
    packet = sent(Kind.EVENT, namespace, id, [name, *arguments])
    assert packet.kind in {Kind.EVENT, Kind.BINARY_EVENT}
    assert (packet.namespace, packet.id, packet.data) == (namespace, id, [name, *arguments])


@given(namespaces, st.integers(0, 10**15 - 1), st.lists(mixed, max_size=4))
def test_an_acknowledgement_comes_out_as_it_went_in(namespace: str, id: int, arguments: list[Any]) -> None:
    packet = sent(Kind.ACK, namespace, id, arguments)
    assert packet.kind in {Kind.ACK, Kind.BINARY_ACK}
    assert (packet.namespace, packet.id, packet.data) == (namespace, id, arguments)


@given(namespaces, st.dictionaries(st.text(), jsons))
def test_a_connect_comes_out_as_it_went_in(namespace: str, auth: dict[str, Any]) -> None:
    assert sent(Kind.CONNECT, namespace, None, auth) == Packet(Kind.CONNECT, namespace, None, auth)


@given(st.text())
@example("2[[[[")
@example('25-["a"]')
def test_any_text_is_a_packet_or_malformed(text: str) -> None:
    try:
        packet = decode(text)
    except MalformedError:
        return
    assert packet.attachments <= MAX_ATTACHMENTS


@given(st.text('0123456789-/,[]{}"_placeholdernum:\\ud83 ', max_size=40))
def test_any_text_of_the_letters_of_packets_is_a_packet_or_malformed(text: str) -> None:
    try:
        packet = decode(text)
        fill(packet.data, [b""] * packet.attachments)
    except MalformedError:
        pass


# -- the examples of the protocol ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "packet"),
    [
        ("0", Packet(Kind.CONNECT, "/", None, None)),
        ('0{"token":"t"}', Packet(Kind.CONNECT, "/", None, {"token": "t"})),
        ("0/admin,", Packet(Kind.CONNECT, "/admin", None, None)),
        ("0/admin", Packet(Kind.CONNECT, "/admin", None, None)),
        ('0/admin,{"a":1}', Packet(Kind.CONNECT, "/admin", None, {"a": 1})),
        ("0/admin?token=1&uid=a,", Packet(Kind.CONNECT, "/admin", None, None)),
        ("1", Packet(Kind.DISCONNECT, "/", None, None)),
        ("1/admin,", Packet(Kind.DISCONNECT, "/admin", None, None)),
        ('2["hello",1]', Packet(Kind.EVENT, "/", None, ["hello", 1])),
        ('2/,["hello"]', Packet(Kind.EVENT, "/", None, ["hello"])),
        ('2/admin,456["p",123]', Packet(Kind.EVENT, "/admin", 456, ["p", 123])),
        ('2000["a"]', Packet(Kind.EVENT, "/", 0, ["a"])),
        ('2999999999999999["a"]', Packet(Kind.EVENT, "/", 999999999999999, ["a"])),
        ("3/admin,456[]", Packet(Kind.ACK, "/admin", 456, [])),
        ('4{"message":"no"}', Packet(Kind.CONNECT_ERROR, "/", None, {"message": "no"})),
        (
            '51-["hello",' + json.dumps(PLACEHOLDER) + "]",
            Packet(Kind.BINARY_EVENT, "/", None, ["hello", PLACEHOLDER], 1),
        ),
        ("61-/admin,456[" + json.dumps(PLACEHOLDER) + "]", Packet(Kind.BINARY_ACK, "/admin", 456, [PLACEHOLDER], 1)),
    ],
)
def test_packets_are_read_as_the_protocol_says(text: str, packet: Packet) -> None:
    assert decode(text) == packet


@pytest.mark.parametrize(
    ("packet", "parts"),
    [
        ((Kind.CONNECT, "/", None, {"sid": "s"}), ('40{"sid":"s"}',)),
        ((Kind.CONNECT, "/admin", None, {"sid": "s"}), ('40/admin,{"sid":"s"}',)),
        ((Kind.DISCONNECT, "/", None, None), ("41",)),
        ((Kind.DISCONNECT, "/admin", None, None), ("41/admin,",)),
        ((Kind.EVENT, "/", None, ["a", 1]), ('42["a",1]',)),
        ((Kind.EVENT, "/admin", 7, ["a"]), ('42/admin,7["a"]',)),
        ((Kind.ACK, "/", 0, []), ("430[]",)),
        ((Kind.CONNECT_ERROR, "/x", None, {"message": "m"}), ('44/x,{"message":"m"}',)),
        (
            (Kind.EVENT, "/", None, ["a", b"x", {"b": [b"y"]}]),
            ('452-["a",{"_placeholder":true,"num":0},{"b":[{"_placeholder":true,"num":1}]}]', b"x", b"y"),
        ),
        ((Kind.ACK, "/admin", 5, [b""]), ('461-/admin,5[{"_placeholder":true,"num":0}]', b"")),
    ],
)
def test_packets_are_written_as_the_protocol_says(packet: Any, parts: Any) -> None:
    assert encode(*packet) == parts


# -- what is none -------------------------------------------------------------------------------------------


MALFORMED = [
    *("", "7", "8", "9", "a", "-1", " 2", "\n2", "٢", "7[]", "abc"),  # no type
    *("2", "2{}", '2"a"', "21", "2null", "2[]", "2[1]", "2[null]", '2[["a"]]', '2[{"a":1}]', "2[true]"),  # no event
    *('2["a"', '2["a"]]', "2['a']", '2["a",]', '2["a"] x', '2["a",NaN]', '2["a",Infinity]', '2["a",-Infinity]'),
    *('2["a",01]', '2["a","\n"]', '2["a",nan]', '2["\\ud83d",NaN]', '2["a",' + "1" * 5000 + "]"),  # no JSON
    *(f'2["{name}"]' for name in sorted(RESERVED)),
    *('51-["connect"]', '51-[1,{"_placeholder":true,"num":0}]', "51-[]", "51-{}", "51-"),
    *('21234567890123456["a"]', '2-1["a"]', '21.5["a"]', '2abc["a"]', '2٣["a"]', '2+1["a"]', '21e3["a"]'),  # no id
    *('5["a"]', '50-["a"]', '511-["a"]', '5999-["a"]', '51000-["a"]', '5-["a"]', '5-1-["a"]', '51["a"]'),
    *('5x-["a"]', '51.5-["a"]', '5٢-["a"]', '61["a"]', "60-1[]", "6[]", "61-[]"),  # no attachments
    *('21-["a"]', "31-1[]", "01-", "01-{}", '41-{"message":"m"}', "11-"),  # attachments where there are none
    *("0[]", '0"a"', "0true", "0 5", "0null,", '0{"a"', "0[1]", "1{}", "1[]", "1null,", '1"a"', '1/x,["a"]'),
    *("3[]", "3/x,[]", "31{}", "31", "31null", '31"a"', "4", "4[]", "41[]", "4/x,"),
    "[" * 100_000,
    '2["a",' + "[" * 100_000,
    '2["a",' + "[" * 50_000 + "]" * 50_000 + "]",
    '2["a","\\ud83d",' + "[" * 50_000 + "]" * 50_000 + "]",
    '2["a",' + '{"a":' * 50_000 + "1" + "}" * 50_000 + "]",
]


@pytest.mark.parametrize("text", MALFORMED, ids=lambda text: repr(text[:40]))
def test_what_is_no_packet_is_malformed(text: str) -> None:
    with pytest.raises(MalformedError):
        decode(text)


@pytest.mark.parametrize("number", [-1, 1, 2, 10**30, True, False, None, "0", 0.0, [], {}])
def test_a_placeholder_names_an_attachment_that_is_there(number: Any) -> None:
    with pytest.raises(MalformedError):
        fill(["a", {"_placeholder": True, "num": number}], [b"x"])
    with pytest.raises(MalformedError):
        fill(["a", {"_placeholder": True}], [b"x"])


@pytest.mark.parametrize("mark", [1, "true", None, [], 1.0])
def test_what_only_looks_like_a_placeholder_is_data(mark: Any) -> None:
    assert fill(["a", {"_placeholder": mark, "num": 7}], [b"x"]) == ["a", {"_placeholder": mark, "num": 7}]


def test_attachments_may_be_used_in_any_order_or_not_at_all() -> None:
    two, one = ({"_placeholder": True, "num": number} for number in (1, 0))
    assert fill(["a", two, {"deep": [one]}, two], [b"1", b"2"]) == ["a", b"2", {"deep": [b"1"]}, b"2"]
    assert fill(["a"], [b"1"]) == ["a"]


@pytest.mark.parametrize("inner", ["1", '"[["', "[]", "{}", '{"_placeholder":true,"num":0}', '"\\ud83d"'])
@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ('{"a":', "}"), ('[1,{"b":2},"c",', "]")])
def test_depth_has_a_limit(begin: str, end: str, inner: str) -> None:
    """Whoever walks through it shall not run out of stack; width has none but that of a frame."""
    free = MAX_DEPTH - 1 - (inner[0] in "[{") - (begin[0:2] == "[1")
    for depth in (0, 10, free - 1):
        text = '2["a",' + begin * depth + inner + end * depth + "]"
        assert json.dumps(decode(text).data) == json.dumps(json.loads(text[1:]))
        assert len(decode('2["a",' + ",".join([text[1:]] * (depth < free - 1) * 1000 or ["1"]) + "]").data) >= 2
    for depth in (MAX_DEPTH, 100, 500, 900, 1000, 5000):
        with pytest.raises(MalformedError):
            decode('2["a",' + begin * depth + inner + end * depth + "]")


def test_half_of_a_surrogate_pair_is_json() -> None:
    assert decode('2["\\ud83d",{"\\udc00":1}]').data == ["\ud83d", {"\udc00": 1}]
    assert decode('2["\\ud83d\\ude00"]').data == ["😀"]


def test_numbers_keep_what_json_can_say() -> None:
    data = decode('2["a",123456789012345678901234567890,-0.0,1e-7,12.50]').data
    assert data[1:] == [123456789012345678901234567890, -0.0, 1e-7, 12.5]
    assert math.copysign(1, data[2]) == -1
