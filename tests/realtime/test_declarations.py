"""What an app declares — events, rooms, commands, settings — is checked when it is loaded, with the remedy."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from accounts.models import User
from realtime import checks, commands, events, limits, rooms, signals
from realtime.auth import Identity, authenticator
from realtime.commands import Nothing, Payload, command
from realtime.conf import conf
from realtime.errors import ClientError
from realtime.events import DROPPABLE, DROPPABLE_TTL, DURABLE, LATEST, Event, encode
from realtime.rooms import GlobalRoom, Room, UserRoom
from tests.lab.events import Gauge
from tests.lab.rooms import LabRoom, VaultRoom

ALICE = Identity(id="alice", username="alice")


@pytest.fixture(autouse=True)
def registries() -> Iterator[None]:
    """What a test declares is forgotten after it."""
    kept: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (registry, dict(registry)) for registry in (commands.registry, events.registry, rooms.registry)
    ]
    yield
    for registry, before in kept:
        registry.clear()
        registry.update(before)


# -- events -------------------------------------------------------------------------------------------


class Price(Event, wire="probe.price", policy=LATEST(by="item_id"), ttl=3):
    item_id: str
    amount: Decimal


def test_an_event_is_a_frozen_value_in_camel_case_with_exact_money() -> None:
    event = Price(item_id="1", amount=Decimal("500.00"))
    assert encode(event) == b'{"itemId":"1","amount":500.00}'
    assert (event.wire, event.policy.kind, event.ttl, event.collapse_key) == ("probe.price", "latest", 3, "1")
    with pytest.raises(AttributeError):
        event.item_id = "2"


def test_policies_have_their_defaults() -> None:
    class Sure(Event, wire="probe.sure"):
        pass

    class Fleeting(Event, wire="probe.fleeting", policy=DROPPABLE):
        pass

    assert (Sure.policy, Sure.ttl, Sure().collapse_key) == (DURABLE, None, None)
    assert Fleeting.ttl == DROPPABLE_TTL


def test_an_event_without_a_name_is_refused() -> None:
    with pytest.raises(TypeError, match="needs a name on the wire"):

        class Nameless(Event):
            pass


def test_a_name_that_is_taken_is_refused() -> None:
    with pytest.raises(TypeError, match=r"tests\.lab\.events\.Gauge already"):

        class Other(Event, wire=Gauge.wire):
            pass


def test_a_collapse_key_must_be_a_field() -> None:
    with pytest.raises(TypeError, match="none of its fields"):

        class Wrong(Event, wire="probe.wrong", policy=LATEST(by="nothing")):
            item: str


# -- rooms --------------------------------------------------------------------------------------------


def test_a_room_lets_nobody_in_by_default() -> None:
    class Closed(Room, prefix="closed"):
        pass

    assert not Closed("1").allows(ALICE)
    assert list(Closed.automatic(ALICE)) == []
    assert any("Closed lets nobody in" in warning.msg for warning in checks.check_rooms())
    assert not any("LabRoom" in warning.msg for warning in checks.check_rooms())


@pytest.mark.parametrize("prefix", ["", "Lab", "1lab", "la-b", "la.b", "x" * 21, "lab:"])
def test_an_ill_formed_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(TypeError, match="no prefix of a room"):
        type("Wrong", (Room,), {}, prefix=prefix)


def test_a_prefix_that_is_taken_is_refused() -> None:
    with pytest.raises(TypeError, match=r"belongs to tests\.lab\.rooms\.LabRoom already"):

        class Other(Room, prefix="lab"):
            pass


@pytest.mark.parametrize("key", ["", "a.b", "a:b", "a b", "é", "x" * 65, "../x", "a\n"])
def test_an_ill_formed_key_is_refused_and_parses_to_nothing(key: str) -> None:
    with pytest.raises(ValueError, match="a room's key"):
        LabRoom(key)
    assert rooms.parse(f"lab:{key}") is None


def test_an_address_parses_to_its_room() -> None:
    room = rooms.parse("lab:a_B-9")
    assert room == LabRoom("a_B-9")
    assert hash(room) == hash(LabRoom("a_B-9"))
    assert room != VaultRoom("a_B-9")
    assert repr(room) == "<LabRoom lab:a_B-9>"
    assert rooms.group("lab:a_B-9") == "room.lab.a_B-9"
    assert rooms.parse("nowhere:1") is None
    assert rooms.parse("lab") is None


def test_a_users_room_is_that_users_alone_and_the_global_one_everybodys() -> None:
    assert UserRoom("alice").allows(ALICE)
    assert not UserRoom("bob").allows(ALICE)
    assert GlobalRoom().allows(ALICE)
    assert not GlobalRoom("other").allows(ALICE)
    assert list(UserRoom.automatic(ALICE)) == [UserRoom("alice")]
    assert list(GlobalRoom.automatic(ALICE)) == [GlobalRoom()]


# -- commands -----------------------------------------------------------------------------------------


class Asked(Payload):
    item_id: int


def test_a_commands_payload_is_typed_and_strict() -> None:
    @command("probe.ask", rate="5/s")
    def ask(session: Any, data: Asked) -> None: ...

    entry = commands.registry["probe.ask"]
    assert entry.decode(b'{"itemId":1}') == Asked(item_id=1)
    for wrong in (b'{"itemId":"1"}', b"{}", b'{"itemId":1,"more":2}', b"[]", b"null"):
        with pytest.raises(msgspec.ValidationError):
            entry.decode(wrong)


def test_a_command_without_a_payload_takes_an_empty_one() -> None:
    @command("probe.bare")
    async def bare(session: Any) -> None: ...

    entry = commands.registry["probe.bare"]
    assert entry.is_async
    assert entry.decode(b"") == entry.decode(b"{}") == Nothing()
    with pytest.raises(msgspec.ValidationError):
        entry.decode(b'{"more":1}')


def test_a_command_that_is_taken_is_refused() -> None:
    with pytest.raises(TypeError, match=r"realtime\.basics\.ping already"):

        @command("ping")
        def other(session: Any) -> None: ...


def test_a_handler_of_another_shape_is_refused() -> None:
    with pytest.raises(TypeError, match="takes \\(session\\)"):

        @command("probe.none")
        def none() -> None: ...

    with pytest.raises(TypeError, match="say the type of 'data'"):

        @command("probe.untyped")
        def untyped(session, data): ...  # type: ignore[no-untyped-def]

    with pytest.raises(ValueError, match="often"):

        @command("probe.rate", rate="often")
        def rated(session: Any) -> None: ...


@pytest.mark.parametrize(("text", "amount", "seconds"), [("30/m", 30, 60), ("2/second", 2, 1), ("9/h", 9, 3600)])
def test_rates_are_read(text: str, amount: int, seconds: int) -> None:
    assert (limits.rate(text).amount, limits.rate(text).get_expiry()) == (amount, seconds)


# -- signals and settings -------------------------------------------------------------------------------


def test_pushes_takes_a_model_or_a_signal() -> None:
    with pytest.raises(TypeError, match=r"a model class or a django\.dispatch\.Signal"):
        signals.pushes(int)  # type: ignore[arg-type]


def test_a_watched_field_that_is_none_is_refused() -> None:
    with pytest.raises(Exception, match="no field named 'nothing'"):
        signals.pushes(User, watch=("nothing",))


def test_settings_of_the_core_are_refused_by_name(settings: Settings) -> None:
    settings.REALTIME = {**settings.REALTIME, "MAX_ROMS": 1}
    with pytest.raises(ImproperlyConfigured, match="MAX_ROMS"):
        conf()
    (complaint,) = checks.check_settings()
    assert complaint.id == "realtime.E001"
    settings.REALTIME = {"AUTHENTICATOR": "nowhere.at_all"}
    (complaint,) = checks.check_settings()
    assert "nowhere" in complaint.msg


@pytest.mark.parametrize(
    "url", ["redis:6379", "redis://redis..local", "redis://host/abc", "rediss://host/1/2", "redis://host/-1"]
)
def test_a_redis_url_that_is_none_is_told_by_the_check(settings: Settings, url: str) -> None:
    settings.REALTIME = {**settings.REALTIME, "REDIS_URL": url}
    assert [complaint.id for complaint in checks.check_settings()] == ["realtime.E002"]


@pytest.mark.parametrize(
    "url", ["redis://host:6379/1", "redis://host", "redis://host/", "rediss://host/3?db=2", "unix:///a"]
)
def test_a_redis_url_that_is_one_is_none_of_its_business(settings: Settings, url: str) -> None:
    settings.REALTIME = {**settings.REALTIME, "REDIS_URL": url}
    assert list(checks.check_settings()) == []


def test_settings_in_force_follow_the_override(settings: Settings) -> None:
    settings.REALTIME = {**settings.REALTIME, "MAX_ROOMS": "7"}
    assert conf().max_rooms == 7
    assert authenticator().__name__ == "authenticate"
    assert list(checks.check_settings()) == []


def test_a_client_error_knows_its_code() -> None:
    with pytest.raises(LookupError, match="no error code"):
        ClientError("NONSENSE", "x")
    error = ClientError("RATE_LIMITED", "Rate limit exceeded", details={"a": 1}, retry_after=3)
    assert error.body() == {
        "code": "RATE_LIMITED",
        "message": "Rate limit exceeded",
        "details": {"a": 1},
        "retryAfter": 3,
    }
