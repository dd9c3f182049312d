"""markets: the tables as pure functions."""

from typing import Any

import pytest

from realtime.errors import ClientError
from tests.vocabularies.people import ALICE, BOB, session_of
from vocabularies.markets import ASKS, greeting, rooms


@pytest.mark.parametrize("name", ["subscribe", "unsubscribe"])
@pytest.mark.parametrize(
    ("sent", "payload"),
    [
        ({"room": "market", "id": "42"}, {"room": "market", "id": "42"}),
        ({"room": "creator", "id": "0xD"}, {"room": "creator", "id": "0xD"}),
        ({"room": "global"}, {"room": "global:all"}),
        ({"room": "global", "id": "whatever"}, {"room": "global:all"}),
        ({"room": "user"}, {"room": "user:0190a"}),
        ({"room": "user", "id": "0190a"}, {"room": "user:0190a"}),
        ({"room": "user", "id": "0xabc"}, {"room": "user:0190a"}),
        ({"room": "user", "id": "0XABC"}, {"room": "user:0190a"}),
    ],
)
def test_rooms_are_asked_for_by_kind_and_id(name: str, sent: dict[str, Any], payload: dict[str, Any]) -> None:
    assert ASKS[name].payload(ALICE, [sent]) == payload


@pytest.mark.parametrize("key", ["0190b", "0xdef", ""])
def test_nobody_listens_to_somebody_else(key: Any) -> None:
    with pytest.raises(ClientError) as refused:
        ASKS["subscribe"].payload(ALICE, [{"room": "user", "id": key}])
    assert refused.value.code == "FORBIDDEN"


WRONG: list[list[Any]] = [
    *([], [{}], [{"room": "market"}], [{"room": "market", "id": 7}], [{"room": "market", "id": None}]),
    *([{"room": "creator"}], [{"room": "conversation", "id": "c1"}], [{"room": "market:42"}], [{"room": None}]),
    *(
        [{"room": 7, "id": "x"}],
        [{"room": "user", "id": 7}],
        ["market", "42"],
        [None],
        [["market"]],
        [{"room": True, "id": "x"}],
    ),
]


@pytest.mark.parametrize("arguments", WRONG, ids=str)
def test_what_is_no_room_is_refused(arguments: list[Any]) -> None:
    with pytest.raises(ClientError) as refused:
        ASKS["subscribe"].payload(ALICE, arguments)
    assert refused.value.code == "INVALID_PAYLOAD"


@pytest.mark.parametrize("kind", [[], {}, [{}]], ids=str)
def test_a_kind_that_is_a_list_or_an_object_is_refused(kind: Any) -> None:
    with pytest.raises(ClientError):
        ASKS["subscribe"].payload(ALICE, [{"room": kind, "id": "x"}])


@pytest.mark.parametrize(
    ("name", "message"), [("subscribe", "Subscribed to {}"), ("unsubscribe", "Unsubscribed from {}")]
)
def test_subscriptions_are_acknowledged_under_the_address(name: str, message: str) -> None:
    names = {"market:42": "market:42", "user:0190a": "user:0xAbC", "global:all": "global:all"}
    for room, shown in names.items():
        answer = ASKS[name].ack(ALICE, {"room": room})
        assert answer == {"success": True, "room": shown, "message": message.format(shown)}
        assert ASKS[name].reply is None
    assert ASKS[name].ack(BOB, {"room": "user:0190b"})["room"] == "user:0190b"


def test_get_rooms_is_a_bare_list_of_the_familys_rooms() -> None:
    told = {"rooms": ["conversation:c1", "creator:0xd", "global:all", "lab:1", "market:42", "user:0190a"]}
    assert ASKS["getRooms"].ack(ALICE, told) == ["creator:0xd", "global:all", "market:42", "user:0xAbC"]
    assert ASKS["getRooms"].ack(BOB, {"rooms": []}) == []
    assert ASKS["getRooms"].payload(ALICE, [{"anything": 1}]) == {}


@pytest.mark.parametrize(("user", "own"), [(ALICE, "user:0xAbC"), (BOB, "user:0190b")])
def test_the_greeting_names_the_rooms_by_address(user: Any, own: str) -> None:
    name, arguments = greeting(session_of(user))
    words = {"userId": user.id, "message": f"Connected as {user.username}", "rooms": [own, "global:all"]}
    assert (name, list(arguments)) == ("connected", [words])


def test_ones_own_room_and_that_of_all_are_joined() -> None:
    assert rooms(ALICE) == ["user:0190a", "global:all"]
