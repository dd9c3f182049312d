"""Who is typing: one contract in memory and in Redis."""

import json
import time
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
import redis
from pytest_django import Settings

from chat.typing import Typing
from chat.typing_memory import MemoryTyping
from chat.typing_redis import RedisTyping
from realtime.redis_threads import ThreadRedis
from tests.accounts.threads import at_once
from tests.services import Redis, redis_url

ANN, BEA = "user-ann", "user-bea"


@pytest.fixture
def place() -> str:
    """A conversation of the test's own."""
    return str(uuid4())


@pytest.fixture(params=["memory", "Redis"])
def typing(request: pytest.FixtureRequest) -> Typing:
    return MemoryTyping() if request.param == "memory" else RedisTyping(redis_url())


@pytest.fixture(autouse=True)
def empty() -> None:
    """Nobody types."""
    with redis.Redis.from_url(redis_url()) as client:
        client.flushall()


@pytest.fixture
def client() -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url(), decode_responses=True) as client:
        yield client


@pytest.fixture
def brief(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever types has only a moment."""
    settings.CHAT_TYPING_TIMEOUT = 0.02
    for backend in ("memory", "redis"):
        monkeypatch.setattr(f"chat.typing_{backend}.MARGIN", 0.02)


def until(ask: Callable[[], list[tuple[str, str]]]) -> list[tuple[str, str]]:
    """The first answer that is not empty."""
    deadline = time.monotonic() + 10
    while not (found := ask()):
        assert time.monotonic() < deadline
    return found


def test_the_first_start_is_news_and_no_other(typing: Typing, place: str) -> None:
    assert [typing.start(place, ANN, "phone") for _ in range(3)] == [True, False, False]
    assert typing.start(place, ANN, "laptop") is False
    assert typing.start(place, BEA, "phone") is True
    assert typing.start(str(uuid4()), ANN, "phone") is True


def test_the_last_stop_is_news_and_no_other(typing: Typing, place: str) -> None:
    for device in ("phone", "laptop"):
        typing.start(place, ANN, device)
    assert typing.stop(place, ANN, "phone") is False
    assert typing.stop(place, ANN, "phone") is False
    assert typing.stop(place, ANN, "laptop") is True
    assert typing.stop(place, ANN, "laptop") is False
    assert typing.start(place, ANN, "phone") is True


def test_who_did_not_type_does_not_stop(typing: Typing, place: str) -> None:
    assert typing.stop(place, ANN, "phone") is False
    typing.start(place, ANN, "phone")
    assert typing.stop(place, BEA, "phone") is False
    assert typing.stop(str(uuid4()), ANN) is False
    assert typing.stop(place, ANN, "another device") is False


def test_all_devices_stop_at_once(typing: Typing, place: str) -> None:
    for device in ("phone", "laptop"):
        typing.start(place, ANN, device)
    assert typing.stop(place, ANN) is True
    assert typing.stop(place, ANN) is False
    assert typing.stop(place, ANN, "phone") is False


def test_it_is_known_where_somebody_types(typing: Typing, place: str) -> None:
    other = str(uuid4())
    typing.start(place, ANN, "phone")
    assert typing.among([place, other], ANN) == {place}
    assert typing.among([place, other], BEA) == set()
    assert typing.among([], ANN) == set()
    typing.stop(place, ANN, "phone")
    assert typing.among([place, other], ANN) == set()


def test_what_nobody_ended_is_overdue_once(typing: Typing, place: str, brief: None) -> None:
    typing.start(place, ANN, "phone")
    typing.start(place, ANN, "laptop")
    assert until(typing.overdue) == [(place, ANN)]
    assert typing.overdue() == []
    assert typing.stop(place, ANN, "phone") is False
    assert typing.among([place], ANN) == set()
    assert typing.start(place, ANN, "phone") is True


def test_a_device_that_has_vanished_does_not_keep_it_alive(typing: Typing, place: str, settings: Settings) -> None:
    settings.CHAT_TYPING_TIMEOUT = -10.0
    typing.start(place, ANN, "vanished")
    settings.CHAT_TYPING_TIMEOUT = 5.0
    assert typing.start(place, ANN, "phone") is True
    assert typing.stop(place, ANN, "phone") is True


def test_who_types_is_not_overdue(typing: Typing, place: str) -> None:
    typing.start(place, ANN, "phone")
    assert (place, ANN) not in typing.overdue()


def test_of_many_at_once_one_is_news(typing: Typing, place: str) -> None:
    starts = [lambda number=number: typing.start(place, ANN, f"device {number}") for number in range(16)]
    assert sum(at_once(*starts)) == 1
    stops = [lambda number=number: typing.stop(place, ANN, f"device {number}") for number in range(16)]
    assert sum(at_once(*stops)) == 1


# -- Redis alone --------------------------------------------------------------------------------------


def test_other_services_can_read_it(place: str, client: "redis.Redis") -> None:
    typing, key = RedisTyping(redis_url()), f"typing:{place}:{ANN}"
    typing.start(place, ANN, "phone")
    shown = json.loads(str(client.get(key)))
    assert shown.pop("lastTypingAt").endswith("Z")
    assert shown == {"userId": ANN, "conversationId": place, "isTyping": True}
    assert 9 <= int(client.ttl(key)) <= 10
    client.expire(key, 3)
    typing.start(place, ANN, "phone")
    assert 9 <= int(client.ttl(key)) <= 10
    typing.stop(place, ANN, "phone")
    assert not [key for key in client.scan_iter("typing*") if place in str(key)]
    assert client.zscore("typing-due", f"{place}:{ANN}") is None


def test_all_processes_know_the_same(place: str) -> None:
    one, other = RedisTyping(redis_url()), RedisTyping(redis_url())
    assert one.start(place, ANN, "phone") is True
    assert other.start(place, ANN, "laptop") is False
    assert one.stop(place, ANN, "phone") is False
    assert other.stop(place, ANN, "laptop") is True


def test_what_a_killed_process_left_is_found_by_one_of_the_others(place: str, brief: None) -> None:
    RedisTyping(redis_url()).start(place, ANN, "phone")
    others = [RedisTyping(redis_url()) for _ in range(4)]
    found: list[tuple[str, str]] = []
    deadline = time.monotonic() + 10
    while not found:
        assert time.monotonic() < deadline
        found = [state for states in at_once(*(other.overdue for other in others)) for state in states]
    assert found == [(place, ANN)]


def test_while_redis_is_away_nobody_types_and_nothing_fails(place: str) -> None:
    with Redis() as server:
        typing = RedisTyping(server.url)
        typing.start(place, ANN, "phone")
        server.kill()
        assert typing.start(place, ANN, "phone") is False
        assert typing.stop(place, ANN) is False
        assert typing.among([place], ANN) == set()
        assert typing.overdue() == []


def test_a_redis_that_hangs_is_waited_for_by_one_only(place: str) -> None:
    redis_away = ThreadRedis("redis://127.0.0.1:1/0")
    asked: list[int] = []
    assert redis_away.ask(lambda client: client.ping(), default="away") == "away"
    assert redis_away.ask(lambda client: asked.append(1), default="away") == "away"
    assert asked == []
