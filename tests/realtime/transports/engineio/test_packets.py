"""Packets and payloads, against the examples of the specification."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.transports.engineio.packets import (
    SEPARATOR,
    MalformedError,
    Packet,
    decode_payload,
    encode_payload,
    open_packet,
    packet_type,
)


def test_the_open_packet_tells_the_client_what_it_has_to_know() -> None:
    packet = open_packet("abc", upgrades=["websocket"])
    assert packet[0] == "0"
    assert json.loads(packet[1:]) == {
        "sid": "abc",
        "upgrades": ["websocket"],
        "pingInterval": 25_000,
        "pingTimeout": 60_000,
        "maxPayload": 1_000_000,
    }


@pytest.mark.parametrize(
    ("packets", "payload"),
    [
        (["4hello"], "4hello"),
        (["4hello", "2", "4world"], "4hello\x1e2\x1e4world"),
        (["4hello", b"\x01\x02\x03\x04"], "4hello\x1ebAQIDBA=="),
        ([b""], "b"),
        (["4€"], "4€"),
    ],
)
def test_packets_are_joined_by_the_separator_and_binary_is_base64(packets: list[Packet], payload: str) -> None:
    assert encode_payload(packets) == payload.encode()


@pytest.mark.parametrize(
    ("payload", "packets"),
    [
        ("4", ["4"]),
        ("3", ["3"]),
        ("4hello\x1e4world\x1e1", ["4hello", "4world", "1"]),
        ("4hello\x1ebAQIDBA==", ["4hello", b"\x01\x02\x03\x04"]),
        ("b", [b""]),
        ("4€", ["4€"]),
    ],
)
def test_a_payload_is_taken_apart(payload: str, packets: list[Packet]) -> None:
    assert decode_payload(payload.encode()) == packets


@pytest.mark.parametrize(
    "payload",
    [
        "",  # not a single packet
        "abc",  # no type
        "4hello\x1e",  # an empty packet at the end
        "\x1e4hello",
        "4hello\x1eabc",
        "0{}",  # the types that servers alone send
        "2",
        "6",
        "5",  # polling cannot be upgraded to
        "7",  # types that there are not
        "٤hello",  # a digit of another script
        "b!!!!",
        "bAQIDBA",  # without its padding
        "bAQ ID",
        "b٤٤٤٤",
    ],
)
def test_a_payload_with_one_bad_packet_is_refused_as_a_whole(payload: str) -> None:
    with pytest.raises(MalformedError):
        decode_payload(payload.encode())


def test_a_payload_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(MalformedError):
        decode_payload(b"4\xff\xfe")


def test_every_binary_packet_is_a_message() -> None:
    assert packet_type(b"") == "4"


messages = st.text(st.characters(exclude_characters=SEPARATOR, exclude_categories=["Cs"])).map("4{}".format)


@given(st.lists(messages | st.binary(), min_size=1))
def test_what_is_joined_comes_apart_again(packets: list[Packet]) -> None:
    assert decode_payload(encode_payload(packets)) == packets


@given(st.binary() | st.text("0123456b4\x1e=+/A\u00e9").map(str.encode))
def test_any_payload_is_packets_or_malformed(payload: bytes) -> None:
    try:
        packets = decode_payload(payload)
    except MalformedError:
        return
    assert packets
    assert decode_payload(encode_payload(packets)) == packets
