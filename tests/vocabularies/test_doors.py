"""What families have in common, and how profiles are composed of them."""

import pytest

from realtime.vocabulary import Profile, doors
from tests.vocabularies.people import ALICE, AT, MESSAGE
from vocabularies import groups, markets, messenger
from vocabularies.basics import TELLS, envelope
from vocabularies.doors import GROUPS, MESSENGER, TURNED


def test_what_all_families_say() -> None:
    told = {"title": "t", "message": "m", "level": "info"}
    words = {"type": "system:announcement", "timestamp": "2023-11-14T22:13:20.500Z", "data": told}
    assert list(TELLS["system.announcement"].arguments(told, AT)) == [words]
    assert TELLS["system.announcement"].name == "system:announcement"
    for name in ("error", "auth.expiring"):
        assert (TELLS[name].name, list(TELLS[name].arguments(told, AT))) == (name, [told])
    assert list(envelope("a:b")(1, 0.0)) == [{"type": "a:b", "timestamp": "1970-01-01T00:00:00.000Z", "data": 1}]


@pytest.mark.parametrize("profile", [GROUPS, MESSENGER])
def test_every_name_of_every_family_is_understood_on_the_main_namespace(profile: Profile) -> None:
    for family in (markets, groups, messenger):
        for name, ask in family.ASKS.items():
            assert profile.asks[name] is ask


def test_no_two_families_of_the_main_namespace_mean_different_things_by_a_name() -> None:
    tables = [markets.ASKS, groups.ASKS, messenger.ASKS]
    names = [name for table in tables for name in table]
    assert len(names) == len(set(names))


def test_the_chat_is_told_in_the_words_of_the_profile() -> None:
    assert GROUPS.tells["message.new"].name == "newMessage"
    assert MESSENGER.tells["message.new"].name == "message-new"
    assert list(GROUPS.tells["message.new"].arguments(MESSAGE, AT)) != [MESSAGE]


def test_a_word_of_messenger_makes_a_client_one_of_them() -> None:
    assert set(GROUPS.turns.values()) == {TURNED}
    assert GROUPS.turns.keys() == {"auth", "join-room"}
    assert (TURNED.asks, TURNED.tells, TURNED.rooms) == (MESSENGER.asks, MESSENGER.tells, MESSENGER.rooms)
    assert TURNED.greeting is GROUPS.greeting, "it brought its token, so it is greeted again when it comes back"
    assert MESSENGER.greeting is None
    assert list(MESSENGER.rooms(ALICE)) == ["user:0190a", "global:all"]


def test_the_doors_are_as_the_contract_has_them() -> None:
    assert {"/", "/ws", "/realtime"} <= doors.keys()
    main = doors["/"]
    assert (main.profile, main.in_band, main.anonymous) == (GROUPS, MESSENGER, None)
    assert main.sources == {"header"}
    social = doors["/ws"]
    assert (social.in_band, social.anonymous, social.sources, social.refusal) == (None, None, frozenset(), None)
