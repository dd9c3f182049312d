"""The recovery log, whichever backend: what was missed, once, in order, and never a part of it."""

import random
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.auth import Credentials, Identity
from realtime.log import Log, Missed, Position, Record, Stay
from realtime.log_memory import MemoryLog
from realtime.outbound import OVERHEAD
from realtime.publications import Admission, Delivery, Disconnection, Eviction, Voiding, delivery
from tests.lab.events import Gauge, Noted, Tick, Total
from tests.lab.rooms import LabRoom

pytestmark = pytest.mark.asyncio

ROOMS = ["lab:a", "lab:b", "user:1"]


@pytest.fixture(params=[MemoryLog])
def log(request: pytest.FixtureRequest) -> Log:
    """A log that covers the rooms from its beginning."""
    made: Log = request.param()
    for room in ROOMS:
        made.cover(room, 0)
    return made


@pytest.fixture
def limit(settings: Any) -> Callable[..., None]:
    """`limit(RECOVERY_EVENTS=2)`."""

    def change(**values: Any) -> None:
        settings.REALTIME = {**settings.REALTIME, **values}

    return change


def noted(number: int, *rooms: str, exclude: frozenset[str] = frozenset()) -> Delivery:
    made = delivery([LabRoom(room) for room in rooms], Noted(number=number), exclude)
    assert made is not None
    return made


def told(event: Any, room: str) -> Delivery:
    made = delivery([LabRoom(room)], event)
    assert made is not None
    return made


def credentials(user: str = "1", generation: str = "g") -> Credentials:
    return Credentials(Identity(user, f"user {user}"), time.time() + 60, generation)


def record(*stays: Stay, key: str = "key", as_of: int = 0, **who: Any) -> Record:
    rooms = {stay.address: stay for stay in (*stays, Stay("user:1", 0))}
    return Record(key, "plain", credentials(**who), 0, rooms, as_of=as_of)


async def missed(log: Log, session: Record, after: int) -> Missed | None:
    """What the session missed after a number."""
    position = Position.parse(log.offset(after))
    assert position is not None
    return await log.missed(session, position, lambda address: True)


async def numbers(log: Log, session: Record, after: int) -> list[int] | None:
    """The same, as the numbers in the events."""
    found = await missed(log, session, after)
    return None if found is None else [number_in(one.delivery) for one in found.told]


def rooms(found: Missed) -> dict[str, Stay]:
    return {stay.address: stay for stay in found.stays if stay.until is None}


def number_in(one: Delivery) -> int:
    return int(bytes(one.data).decode().rpartition(":")[2].rstrip("}"))


async def test_an_offset_is_read_as_it_was_written(log: Log) -> None:
    number = log.append(noted(1, "a"))
    position = Position.parse(log.offset(number))
    assert position is not None
    assert position.number == number == log.number == 1
    assert str(position) == log.offset(number)


@pytest.mark.parametrize("text", ["", "-", "7", "e-", "e-1.0", "e-x", "e-1e3", "e-²", f"e-{'9' * 30}"])
async def test_what_is_no_offset_is_none(text: str) -> None:
    assert Position.parse(text) is None


async def test_what_was_missed_comes_once_and_in_order_over_all_rooms(log: Log) -> None:
    for number, rooms in enumerate(["a", "b", "ab", "c", "a", "bc"], 1):
        log.append(noted(number, *rooms))
    session = record(Stay("lab:a", 0), Stay("lab:b", 0))
    assert await numbers(log, session, 0) == [1, 2, 3, 5, 6]
    assert await numbers(log, session, 3) == [5, 6]
    assert await numbers(log, session, 6) == []


async def test_what_is_not_durable_has_no_number_and_is_not_made_up_for(log: Log) -> None:
    log.append(noted(1, "a"))
    assert log.append(told(Tick(number=2), "a")) == 1
    assert await numbers(log, record(Stay("lab:a", 0)), 0) == [1]


async def test_of_what_is_latest_the_last_value_comes_again_in_its_place(log: Log) -> None:
    for value in (1, 2):
        log.append(told(Gauge(name="x", value=value), "a"))
    log.append(noted(3, "a"))
    log.append(told(Gauge(name="y", value=4), "a"))
    log.append(told(Gauge(name="z", value=5), "b"))
    log.append(noted(6, "a"))
    session = record(Stay("lab:a", 0))
    assert await numbers(log, session, 0) == [2, 3, 4, 6]
    assert await numbers(log, session, 1) == [4, 6]
    assert await numbers(log, session, 2) == []


async def test_a_value_over_the_limit_goes_and_who_missed_it_recovers_nothing(
    log: Log, limit: Callable[..., None]
) -> None:
    limit(RECOVERY_LATEST=1)
    log.append(noted(1, "a"))
    log.append(told(Gauge(name="first", value=2), "a"))
    session = record(Stay("lab:a", 0))
    assert await numbers(log, session, 1) == [2]
    log.append(noted(3, "a"))
    log.append(told(Gauge(name="second", value=4), "a"))
    assert [await numbers(log, session, after) for after in (0, 1, 2)] == [None, None, [4]]


async def test_a_room_with_too_many_values_costs_nobody_in_another_one_what_they_missed(
    log: Log, limit: Callable[..., None]
) -> None:
    limit(RECOVERY_LATEST=1)
    log.append(noted(1, "a"))
    for name in ("first", "second", "third"):
        log.append(told(Gauge(name=name, value=2), "b"))
    assert await numbers(log, record(Stay("lab:b", 0)), 1) is None
    assert await numbers(log, record(Stay("lab:a", 0)), 1) == []
    assert await numbers(log, record(Stay("lab:a", 0)), 0) == [1]


async def test_values_told_where_nobody_is_push_none_out(log: Log, limit: Callable[..., None]) -> None:
    limit(RECOVERY_LATEST=2)
    log.append(told(Gauge(name="a", value=7), "a"))
    for number in range(5):
        log.append(told(Gauge(name="a", value=number), f"elsewhere-{number}"))
    assert await numbers(log, record(Stay("lab:a", 0)), 0) == [7]


async def test_nor_do_those_of_a_room_that_was_left(log: Log, limit: Callable[..., None]) -> None:
    limit(RECOVERY_LATEST=1)
    log.append(told(Gauge(name="b", value=1), "b"))
    log.uncover("lab:b")
    log.append(told(Gauge(name="a", value=2), "a"))
    assert await numbers(log, record(Stay("lab:a", 0)), 0) == [2]


async def test_what_is_cumulative_is_numbered_comes_once_with_its_last_value_and_pushes_nothing_out(
    log: Log, limit: Callable[..., None]
) -> None:
    limit(RECOVERY_EVENTS=2)
    log.append(noted(1, "a"))
    for value in range(2, 9):
        log.append(told(Total(name="x", unit="m", value=value), "a"))
    assert log.append(told(Total(name="x", unit="s", value=9), "a")) == 9
    session = record(Stay("lab:a", 0))
    assert await numbers(log, session, 0) == [1, 8, 9]
    assert await numbers(log, session, 8) == [9]
    assert await numbers(log, session, 9) == []


async def test_a_cumulative_event_replaces_none_that_others_hear(log: Log) -> None:
    for value, excluded in ((1, "1"), (2, "2")):
        event = Total(name="x", unit="m", value=value)
        made = delivery([LabRoom("a")], event, frozenset({excluded}))
        assert made is not None
        log.append(made)
    assert await numbers(log, record(Stay("lab:a", 0)), 0) == [2]
    other = record(Stay("lab:a", 0), user="2")
    log.cover("user:2", 0)
    assert await numbers(log, other, 0) == [1]


async def test_a_cumulative_event_goes_with_its_time_like_any_other(log: Log, limit: Callable[..., None]) -> None:
    limit(RECOVERY_WINDOW=-1)
    log.append(told(Total(name="x", unit="m", value=1), "a"))
    log.sweep()
    assert await numbers(log, record(Stay("lab:a", 0)), 0) is None
    assert await numbers(log, record(Stay("lab:a", 0)), 1) == []


async def test_a_value_that_has_gone_with_its_time_was_missed_by_who_has_nothing_but_an_old_offset(
    log: Log, limit: Callable[..., None]
) -> None:
    log.append(noted(1, "a"))
    log.append(told(Gauge(name="x", value=2), "a"))
    session, nameless = record(Stay("lab:a", 0)), record(Stay("lab:a", 0), key="")
    assert await numbers(log, nameless, 1) == [2]
    limit(RECOVERY_WINDOW=-1)
    assert await numbers(log, nameless, 1) is None
    assert await numbers(log, session, 1) == [], "it is kept no longer than the value, so it has heard that"
    log.append(noted(2, "b"))
    assert await numbers(log, nameless, 2) == []


async def test_what_was_told_before_a_room_was_voided_is_not_told_again(log: Log, limit: Callable[..., None]) -> None:
    limit(RECOVERY_EVENTS=3)
    for number in (1, 2):
        log.append(noted(number, "a"))
    log.append(noted(3, "b"))
    log.append(Voiding(room="lab:a"))
    for number in (5, 6):
        log.append(noted(number, "a"))
    session = record(Stay("lab:a", 0))
    assert [await numbers(log, session, after) for after in range(4)] == [None, None, [5, 6], [5, 6]]
    assert await numbers(log, record(Stay("lab:b", 0)), 0) == [3], "another room is what it was"


async def test_nor_is_what_is_cumulative(log: Log) -> None:
    log.append(noted(1, "a"))
    log.append(told(Total(name="x", unit="m", value=2), "a"))
    log.append(Voiding(room="lab:a"))
    log.append(told(Total(name="x", unit="m", value=4), "a"))
    session = record(Stay("lab:a", 0))
    assert [await numbers(log, session, after) for after in range(4)] == [None, None, [4], [4]]


async def test_what_a_user_missed_before_the_users_room_was_voided_is_not_told_again(log: Log) -> None:
    log.cover("user:2", 0)
    log.append(noted(1, "a"))
    log.append(Voiding(room="user:2"))
    log.append(noted(3, "a"))
    session = record(Stay("lab:a", 0), user="2")
    assert [await numbers(log, session, after) for after in range(3)] == [None, [3], [3]]
    assert await numbers(log, record(Stay("lab:a", 0)), 0) == [1, 3]


async def test_a_room_that_was_voided_is_forgotten_with_its_time(log: Log, limit: Callable[..., None]) -> None:
    limit(RECOVERY_WINDOW=-1)
    log.append(noted(1, "a"))
    for room in ("lab:a", "user:1", "lab:uncovered"):
        log.append(Voiding(room=room))
    log.sweep()
    limit(RECOVERY_WINDOW=60)
    log.append(noted(4, "a"))
    assert await numbers(log, record(Stay("lab:a", 0)), 0) is None
    assert await numbers(log, record(Stay("lab:a", 0)), 3) == [4]


async def test_who_is_excluded_is_not_told_later_either(log: Log) -> None:
    log.append(noted(1, "a", exclude=frozenset({"1"})))
    log.append(noted(2, "a", exclude=frozenset({"2"})))
    assert await numbers(log, record(Stay("lab:a", 0)), 0) == [2]


async def test_nor_who_was_in_a_room_that_was_left_out(log: Log) -> None:
    for event in (Noted(number=1), Gauge(name="x", value=1)):
        left_out = delivery([LabRoom("a")], event, except_for=[LabRoom("b")])
        assert left_out is not None
        log.append(left_out)
    log.append(noted(2, "a"))
    assert await numbers(log, record(Stay("lab:a", 0)), 0) == [1, 1, 2]
    assert await numbers(log, record(Stay("lab:a", 0), Stay("lab:b", 0)), 0) == [2]
    assert await numbers(log, record(Stay("lab:a", 0), Stay("lab:b", 1)), 0) == [1, 2]


async def test_what_is_over_is_not_made_up_for(log: Log) -> None:
    log.append(msgspec.structs.replace(noted(1, "a"), expires_at=time.time() - 1))
    log.append(msgspec.structs.replace(noted(2, "a"), expires_at=time.time() + 60))
    assert await numbers(log, record(Stay("lab:a", 0)), 0) == [2]


async def test_a_room_is_made_up_for_from_joining_it_to_leaving_it(log: Log) -> None:
    for number in range(1, 7):
        log.append(noted(number, "ab"[number % 2]))
    session = record(Stay("lab:a", 3))
    session.past.append(Stay("lab:b", 2, until=4))
    assert await numbers(log, session, 0) == [3, 4, 6]


async def test_who_was_put_out_while_away_hears_nothing_of_the_room_after_that(log: Log) -> None:
    log.append(noted(1, "a"))
    log.append(Eviction(user="1", room="lab:a"))
    log.append(noted(3, "a"))
    found = await missed(log, record(Stay("lab:a", 0)), 0)
    assert found is not None
    assert [number_in(one.delivery) for one in found.told] == [1]
    assert set(rooms(found)) == {"user:1"}


async def test_who_was_let_in_while_away_hears_the_room_from_then_on(log: Log) -> None:
    log.append(noted(1, "b"))
    log.append(Admission(user="1", room="lab:b"))
    log.append(Admission(user="2", room="lab:a"))
    log.append(noted(3, "b"))
    found = await missed(log, record(), 0)
    assert found is not None
    assert [number_in(one.delivery) for one in found.told] == [3]
    assert rooms(found)["lab:b"].since == 2


async def test_changes_that_the_session_has_seen_are_not_made_again(log: Log) -> None:
    log.append(Admission(user="1", room="lab:a"))  # it was let in, and then left by itself
    log.append(noted(2, "a"))
    found = await missed(log, record(as_of=1), 0)
    assert found is not None
    assert (found.told, set(rooms(found))) == ([], {"user:1"})


async def test_a_room_with_too_many_events_is_not_made_up_for_in_part(log: Log, limit: Callable[..., None]) -> None:
    limit(RECOVERY_EVENTS=3)
    for number in range(1, 6):
        log.append(noted(number, "a"))
    assert await numbers(log, record(Stay("lab:a", 0)), 1) is None
    assert await numbers(log, record(Stay("lab:a", 0)), 2) == [3, 4, 5]
    assert await numbers(log, record(Stay("lab:a", 2)), 1) == [3, 4, 5]
    assert await numbers(log, record(Stay("lab:b", 0)), 0) == []


async def test_nor_when_all_rooms_together_have_too_much(log: Log, limit: Callable[..., None]) -> None:
    limit(RECOVERY_BYTES=1000)
    for number in range(1, 10):
        log.append(noted(number, "b"))
    assert await numbers(log, record(Stay("lab:a", 0)), 0) is None
    assert await numbers(log, record(Stay("lab:b", 0)), 8) == [9]


async def test_nor_after_the_window(log: Log, limit: Callable[..., None]) -> None:
    log.append(noted(1, "a"))
    limit(RECOVERY_WINDOW=0)
    assert await numbers(log, record(Stay("lab:a", 0)), 0) is None
    assert await numbers(log, record(Stay("lab:a", 0)), 1) == []


async def test_nor_where_nobody_was_listening_for_a_while(log: Log) -> None:
    log.append(noted(1, "a"))
    log.uncover("lab:a")
    log.append(noted(2, "b"))
    session = record(Stay("lab:a", 0))
    assert log.cover("lab:a") == 3  # nobody who stands at 2 has heard everything in the room
    assert await numbers(log, session, 1) is None
    assert await numbers(log, session, 2) is None
    assert await numbers(log, session, 3) == []


async def test_nor_from_another_epoch_or_the_future(log: Log) -> None:
    log.append(noted(1, "a"))
    before = Position.parse(log.offset(1))
    assert before is not None
    assert await numbers(log, record(), 2) is None
    log.reset(ROOMS)
    assert log.number == 2
    assert await log.missed(record(), before, lambda address: True) is None
    assert await numbers(log, record(), 2) == []


async def test_nor_from_before_the_session_began(log: Log) -> None:
    log.append(noted(1, "a"))
    session = record(Stay("lab:a", 0))
    session.began = 1
    assert await numbers(log, session, 0) is None


async def test_a_session_that_left_more_rooms_than_are_remembered_is_not_resumed_from_before(log: Log) -> None:
    session = record()
    for number in range(1, 150):
        log.append(noted(number, "a"))
        session.close(Stay("lab:a", number - 1), number)
    assert await numbers(log, session, 0) is None
    assert await numbers(log, session, 100) == list(range(101, 150))


async def test_a_session_is_found_until_it_ends_or_the_window_has_passed(log: Log, limit: Callable[..., None]) -> None:
    session = record()
    log.save(session)
    assert await log.find("key") is session
    log.leave("key")
    log.sweep()
    assert await log.find("key") is session
    limit(RECOVERY_WINDOW=0)
    log.sweep()
    assert await log.find("key") is None
    log.save(session)
    log.sweep()
    assert await log.find("key") is session  # it has a connection again
    log.forget("key")
    assert await log.find("key") is None


async def test_a_session_is_not_found_when_its_token_was_revoked(log: Log) -> None:
    for generation in ("old", "kept"):
        log.save(record(key=generation, generation=generation))
    log.save(record(key="other", user="2"))
    log.append(Disconnection(user="1", keep="kept"))
    assert [key for key in ("old", "kept", "other") if await log.find(key)] == ["kept", "other"]
    log.append(Disconnection(user="1"))
    assert [key for key in ("old", "kept", "other") if await log.find(key)] == ["other"]


async def test_of_sessions_without_a_connection_the_oldest_go_first(log: Log, limit: Callable[..., None]) -> None:
    limit(RECOVERY_SESSIONS=2)
    for number in range(4):
        log.save(record(key=str(number)))
    for number in range(3):
        log.leave(str(number))
    assert [number for number in range(4) if await log.find(str(number))] == [1, 2, 3]


async def test_nothing_is_left_of_what_was_let_go_of(log: Log, limit: Callable[..., None]) -> None:
    for number in range(1, 20):
        log.append(noted(number, "a", "b"))
        log.append(told(Gauge(name=str(number), value=1), "a"))
    log.save(record())
    log.leave("key")
    limit(RECOVERY_WINDOW=0)
    log.sweep()
    assert isinstance(log, MemoryLog)
    assert not any([log._entries, log._rooms, log._trimmed, log._latest, log._latest_in, log._size])
    assert not any([log._sessions._records, log._sessions._of_user, log._sessions._gone])


@given(st.integers(), st.integers(2, 6))
async def test_a_session_that_comes_back_at_any_time_has_heard_what_one_that_stayed_has(seed: int, limit: int) -> None:
    """A model: one listener never leaves, the other is cut at random; both are let in and put out alike."""
    chance, log = random.Random(seed), MemoryLog()
    for room in ROOMS:
        log.cover(room, 0)
    session, heard, live = record(), [], []
    last = 0  # what the one that is cut has got
    for step in range(1, 60):
        room = chance.choice(["a", "b"])
        address, is_in = f"lab:{room}", f"lab:{room}" in session.rooms
        match chance.randrange(limit):
            case 0:
                number = log.append(Admission(user="1", room=address))
                session.rooms.setdefault(address, Stay(address, number))
                session.as_of = number
            case 1:
                number = log.append(Eviction(user="1", room=address))
                if is_in:
                    session.close(session.rooms.pop(address), number)
                session.as_of = number
            case _:
                log.append(noted(step, room))
                if is_in:
                    live.append(step)
        if chance.random() < 0.2:  # it lost all since `last`, and comes back
            found = await missed(log, session, last)
            assert found is not None
            heard += [number_in(one.delivery) for one in found.told]
            last = found.number
    found = await missed(log, session, last)
    assert found is not None
    assert heard + [number_in(one.delivery) for one in found.told] == live


async def test_more_than_a_reader_can_have_waiting_is_not_gathered(log: Log, limit: Callable[..., None]) -> None:
    limit(SEND_BUFFER=20 * OVERHEAD, RECOVERY_EVENTS=30)
    session = record(Stay("lab:a", 0), Stay("lab:b", 0))
    for number in range(1, 21):
        log.append(noted(number, "a" if number % 2 else "b"))
    assert await numbers(log, session, 0) == list(range(1, 21))
    log.append(noted(21, "a"))
    assert await missed(log, session, 0) is None
    assert await numbers(log, session, 1) == list(range(2, 22))
