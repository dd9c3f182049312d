"""Who is here: one contract in memory and on Redis."""

from collections.abc import Callable
from typing import cast

import pytest
from django.db import OperationalError
from pytest_django import Settings

from accounts import services
from accounts.models import User
from realtime import database, presence
from realtime.presence import Announcer
from realtime.presence_memory import MemoryPresence
from realtime.presence_redis import RedisPresence
from realtime.signals import PresenceListener, Pushes
from tests.realtime.presence.conftest import GRACE
from tests.realtime.presence.processes import Process, end_graces, mark, of
from tests.realtime.waiting import soon, until

pytestmark = pytest.mark.asyncio

# -- the contract of both ---------------------------------------------------------------------------


async def test_the_first_device_is_told_and_no_other(process: Process, told: list[tuple[str, bool]]) -> None:
    for device in ("phone", "laptop", "phone"):
        await process.presence.connect("ann", device)
    await mark(process, told)
    assert of("ann", told) == [True]
    assert await process.online("ann", "bea") == {"ann"}
    assert await process.count() == 1


async def test_the_last_device_is_told_after_the_grace_and_no_other(
    process: Process, told: list[tuple[str, bool]], grace: Callable[[float], None]
) -> None:
    for device in ("phone", "laptop", "tablet"):
        await process.presence.connect("ann", device)
    for device in ("phone", "laptop"):
        await process.presence.disconnect("ann", device)
    await mark(process, told)
    assert of("ann", told) == [True]
    grace(3600)
    await process.presence.disconnect("ann", "tablet")
    assert await process.online("ann") == {"ann"}  # in the grace still
    await process.presence.connect("ann", "tablet")
    grace(GRACE)
    await process.presence.disconnect("ann", "tablet")
    await until(lambda: of("ann", told) == [True, False])
    assert await process.online("ann") == set()
    assert await process.count() == 0


async def test_coming_back_within_the_grace_tells_nobody(
    process: Process, told: list[tuple[str, bool]], grace: Callable[[float], None], url: str
) -> None:
    await process.presence.connect("ann", "phone")
    if isinstance(process.presence, RedisPresence):
        grace(3600)  # in memory all this is one turn of the loop, in which no timer comes
    for count in range(5):
        await process.presence.disconnect("ann", "phone" if count == 0 else f"phone {count}")
        await process.presence.connect("ann", f"phone {count + 1}")
    end_graces(url)
    grace(GRACE)
    await mark(process, told)
    assert of("ann", told) == [True]
    assert await process.online("ann") == {"ann"}


async def test_coming_back_after_the_grace_is_told_again(process: Process, told: list[tuple[str, bool]]) -> None:
    for round_ in range(2):
        await process.presence.connect("ann", "phone")
        await process.presence.disconnect("ann", "phone")
        await until(lambda expected=round_: of("ann", told) == [True, False] * (expected + 1))  # type: ignore[misc]


async def test_a_device_that_never_came_or_went_before_changes_nothing(
    process: Process, told: list[tuple[str, bool]]
) -> None:
    await process.presence.disconnect("bea", "phone")
    await process.presence.connect("ann", "phone")
    await process.presence.disconnect("ann", "other")
    await mark(process, told)
    assert (of("ann", told), of("bea", told)) == ([True], [])
    assert await process.online("ann", "bea") == {"ann"}


async def test_many_are_counted_and_asked_about_at_once(process: Process, told: list[tuple[str, bool]]) -> None:
    everybody = {f"user-{number}" for number in range(150)}
    for user in everybody:
        await process.presence.connect(user, "phone")
    assert await process.count() == 150
    assert await process.online(*everybody, "nobody") == everybody
    assert await process.online() == set()
    for user in everybody:
        await process.presence.disconnect(user, "phone")
    await until(lambda: {user for user, online in told if not online} == everybody)
    assert await process.count() == 0


# -- the announcer -----------------------------------------------------------------------------------


async def test_a_listener_that_fails_keeps_nobody_else_from_being_told(
    told: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(user: str, online: bool) -> Pushes:
        yield from ()
        raise RuntimeError("no luck")

    listeners = {"fail": fail, **cast(dict[str, PresenceListener], vars(presence)["presence_listeners"])}
    monkeypatch.setattr("realtime.presence.presence_listeners", listeners)
    announcer = Announcer()
    for user in ("ann", "bea"):
        announcer.announce(user, online=True)
    await soon(announcer.flush())
    assert told == [("ann", True), ("bea", True)]
    assert caplog.text.count("a presence listener failed") == 2


async def test_of_one_user_only_the_last_change_is_told(told: list[tuple[str, bool]]) -> None:
    announcer = Announcer()
    for online in (True, False, True, False):
        announcer.announce("ann", online=online)
    await soon(announcer.flush())
    assert told == [("ann", False)]


async def test_only_a_server_knows_who_is_online() -> None:
    with pytest.raises(RuntimeError, match="Only a server process"):
        presence.online_users(["ann"])
    with pytest.raises(RuntimeError, match="is_online"):
        presence.online_count()


async def test_a_server_is_asked_through_its_backend(process: Process) -> None:
    await process.presence.connect("ann", "phone")
    presence.set_backend(process.presence)
    try:
        assert await database.run(presence.online_users, ["ann", "bea"]) == {"ann"}
        assert await database.run(presence.online_count) == 1
    finally:
        presence.set_backend(None)


# -- memory alone ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
async def test_the_only_server_starts_with_nobody_online(alice: User) -> None:
    await database.run(services.set_presence, user_id=alice.pk, online=True)
    await MemoryPresence(Announcer()).run()
    await database.run(alice.refresh_from_db)
    assert not alice.is_online


async def test_when_the_only_server_ends_everybody_is_told_to_be_gone_at_once(
    starting: Callable[..., Process], told: list[tuple[str, bool]], settings: Settings
) -> None:
    settings.REALTIME = {**settings.REALTIME, "OFFLINE_GRACE": 3600}
    process = starting(MemoryPresence)
    await process.presence.connect("ann", "phone")
    await process.presence.connect("bea", "phone")
    await process.presence.disconnect("bea", "phone")
    await soon(process.presence.close())
    assert {(user, online) for user, online in told if not online} == {("ann", False), ("bea", False)}
    assert await process.count() == 0


async def test_what_a_listener_could_not_write_down_is_told_again(
    starting: Callable[..., Process], told: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    listen = cast(dict[str, PresenceListener], vars(presence)["presence_listeners"])["listen"]
    troubles = [OperationalError("the database is away")]

    def unlucky(user: str, online: bool) -> Pushes:
        if troubles:
            raise troubles.pop()
        yield from listen(user, online)

    monkeypatch.setattr("realtime.presence.presence_listeners", {"unlucky": unlucky})
    process = starting(MemoryPresence)
    await process.presence.connect("ann", "phone")
    await mark(process, told)
    assert of("ann", told) == [True]
