"""How people appear to others."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import F, QuerySet, Value
from django.utils import timezone

from accounts import services
from accounts.contacts import contact_source, relations, shown_to, sources
from accounts.models import Audience, Status, User
from accounts.presence import UNSEEN, Appearance, appearances, sees_presence, unseen_by
from accounts.selectors import any_status_has_expired, hidden_count
from tests.accounts.threads import at_once
from tests.services import on_sqlite

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

LATER, EARLIER = timedelta(hours=1), timedelta(seconds=-1)


Befriend = Callable[[User, User], None]


@pytest.fixture
def befriend() -> Iterator[Befriend]:
    """A source of contacts: people who share a group of Django's."""

    @contact_source
    def friends() -> QuerySet[Any, Any]:
        rows = User.groups.through.objects
        return rows.values(person=F("user_id"), other=F("group__user"), is_contact=Value(True))

    def make(one: User, other: User) -> None:
        Group.objects.create(name=f"{one} and {other}").user_set.add(one, other)

    yield make
    del sources[f"{friends.__module__}.{friends.__qualname__}"]


def expire(user: User) -> None:
    """Its status ended a moment ago, and nobody has taken it back."""
    User.objects.filter(pk=user.pk).update(status_expires_at=timezone.now() + EARLIER)


def seen(reader: User, user: User) -> Appearance:
    user.refresh_from_db()
    return appearances(reader.pk, [user])[str(user.pk)]


# -- what is chosen -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["online", "away", "busy", "dnd"])
def test_who_is_here_appears_as_they_chose(alice: User, bob: User, status: str) -> None:
    services.set_status(user_id=alice.pk, status=status, text="  lunch ")
    assert (seen(bob, alice).status, seen(bob, alice).text) == ("offline", "lunch")
    services.set_presence(user_id=alice.pk, online=True)
    assert (seen(bob, alice).status, seen(bob, alice).text) == (status, "lunch")
    assert seen(bob, alice).is_online


def test_what_is_left_out_of_a_status_is_none(alice: User) -> None:
    services.set_status(user_id=alice.pk, status="busy", text="lunch", expires_at=timezone.now() + LATER)
    user = services.set_status(user_id=alice.pk, status="away")
    assert (user.status, user.status_text, user.status_expires_at) == ("away", "", None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "asleep"},
        {"text": "x" * 141},
        {"text": "a\x00"},
        {"expires_at": timezone.now() + EARLIER},
        # In UTC the year 10000, and the year 0: a row with the one could be read by nobody any more.
        {"expires_at": datetime.fromisoformat("9999-12-31T23:59:59-14:00")},
        {"expires_at": datetime.fromisoformat("0001-01-01T00:00:00+14:00")},
    ],
)
def test_a_bad_status_is_refused(alice: User, wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        services.set_status(**{"user_id": alice.pk, "status": "busy"} | wrong)  # type: ignore[arg-type]
    alice.refresh_from_db()
    assert alice.status == "online"


def test_who_is_invisible_appears_to_have_gone_when_they_became_so(alice: User, bob: User) -> None:
    services.set_presence(user_id=alice.pk, online=True)
    services.set_status(user_id=alice.pk, status="offline")
    gone = seen(bob, alice)
    assert gone.status == "offline"
    for online in (False, True, False):
        services.set_presence(user_id=alice.pk, online=online)
        assert seen(bob, alice) == gone  # coming and going shows nothing
    services.set_presence(user_id=alice.pk, online=True)
    services.set_status(user_id=alice.pk, status="online")
    back = seen(bob, alice)
    assert (back.status, gone.last_seen_at and back.last_seen_at and gone.last_seen_at < back.last_seen_at) == (
        "online",
        True,
    )


def test_whether_somebody_is_here_may_be_known_better_than_by_the_database(alice: User, bob: User) -> None:
    assert appearances(bob.pk, [alice], online={str(alice.pk)})[str(alice.pk)].status == "online"
    services.set_presence(user_id=alice.pk, online=True)
    alice.refresh_from_db()
    assert appearances(bob.pk, [alice], online=set())[str(alice.pk)].status == "offline"


# -- when it ends -------------------------------------------------------------------------------------


def test_what_has_expired_is_seen_no_more_though_nobody_has_taken_it_back(alice: User, bob: User) -> None:
    services.set_presence(user_id=alice.pk, online=True)
    services.set_status(user_id=alice.pk, status="dnd", text="exam", expires_at=timezone.now() + LATER)
    assert (seen(bob, alice).status, seen(bob, alice).text) == ("dnd", "exam")
    expire(alice)
    assert (seen(bob, alice).status, seen(bob, alice).text) == ("online", "")


def test_what_has_expired_is_taken_back_once(alice: User, bob: User) -> None:
    for user in (alice, bob):
        services.set_status(user_id=user.pk, status="busy", text="x", expires_at=timezone.now() + LATER)
    assert (any_status_has_expired(), services.expire_statuses()) == (False, 0)
    expire(alice)
    assert (any_status_has_expired(), services.expire_statuses(), services.expire_statuses()) == (True, 1, 0)
    alice.refresh_from_db()
    assert (alice.status, alice.status_text, alice.status_expires_at) == ("online", "", None)
    bob.refresh_from_db()
    assert bob.status == "busy"


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(on_sqlite(), reason="SQLite has one writer at a time")
def test_of_several_processes_one_takes_it_back(alice: User, bob: User) -> None:
    for user in (alice, bob):
        services.set_status(user_id=user.pk, status="busy", expires_at=timezone.now() + LATER)
        expire(user)
    assert sum(at_once(*[services.expire_statuses] * 6)) == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(on_sqlite(), reason="SQLite has one writer at a time")
def test_a_new_status_is_not_taken_back_with_the_old_one(alice: User) -> None:
    for _ in range(5):
        services.set_status(user_id=alice.pk, status="busy", expires_at=timezone.now() + LATER)
        expire(alice)
        at_once(services.expire_statuses, partial(services.set_status, user_id=alice.pk, status="dnd", text="new"))
        alice.refresh_from_db()
        assert (alice.status, alice.status_text, alice.status_expires_at) == ("dnd", "new", None)


# -- who sees it --------------------------------------------------------------------------------------


@pytest.mark.parametrize("audience", Audience.values)
@pytest.mark.parametrize("is_contact", [True, False])
def test_presence_is_seen_by_its_audience(
    alice: User, bob: User, befriend: Befriend, audience: str, is_contact: bool
) -> None:
    if is_contact:
        befriend(alice, bob)
    services.set_status(user_id=alice.pk, status="busy", text="work")
    services.set_presence(user_id=alice.pk, online=True)
    services.update_privacy(user_id=alice.pk, presence_shown_to=audience)
    may_see = audience == "everyone" or (audience == "contacts" and is_contact)
    assert (seen(bob, alice) != UNSEEN) is may_see
    assert seen(bob, alice).is_online is may_see


@pytest.mark.parametrize("audience", Audience.values)
@pytest.mark.parametrize("is_contact", [True, False])
def test_when_somebody_was_last_seen_is_seen_by_its_own_audience(
    alice: User, bob: User, befriend: Befriend, audience: str, is_contact: bool
) -> None:
    if is_contact:
        befriend(alice, bob)
    services.set_presence(user_id=alice.pk, online=True)
    services.update_privacy(user_id=alice.pk, last_seen_shown_to=audience)
    may_see = audience == "everyone" or (audience == "contacts" and is_contact)
    assert (seen(bob, alice).last_seen_at is not None) is may_see
    assert seen(bob, alice).is_online


def test_a_block_hides_all_both_ways(alice: User, bob: User, befriend: Befriend) -> None:
    befriend(alice, bob)
    for user in (alice, bob):
        services.set_presence(user_id=user.pk, online=True)
    services.block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    assert (seen(bob, alice), seen(alice, bob)) == (UNSEEN, UNSEEN)
    services.unblock_user(blocker_id=alice.pk, blocked_id=bob.pk)
    assert seen(bob, alice).is_online
    assert seen(alice, bob).is_online


def test_one_sees_oneself_as_one_wants_to_be_seen(alice: User) -> None:
    services.set_presence(user_id=alice.pk, online=True)
    services.update_privacy(user_id=alice.pk, presence_shown_to="nobody", last_seen_shown_to="nobody")
    assert seen(alice, alice).status == "online"
    services.set_status(user_id=alice.pk, status="offline")
    assert seen(alice, alice).status == "offline"
    assert seen(alice, alice).last_seen_at is not None


def test_how_people_appear_takes_as_many_queries_for_many_as_for_one(
    alice: User, bob: User, carol: User, django_assert_num_queries: object
) -> None:
    for people in ([bob], [alice, bob, carol]):
        with django_assert_num_queries(1 + len(sources)):  # type: ignore[operator]
            assert len(appearances(alice.pk, people)) == len(people)


@pytest.mark.parametrize("status", Status.values)
@pytest.mark.parametrize("audience", Audience.values)
@pytest.mark.parametrize("has_expired", [True, False])
@pytest.mark.parametrize("is_contact", [True, False])
def test_the_database_knows_the_same_rule(
    alice: User, bob: User, befriend: Befriend, status: str, audience: str, has_expired: bool, is_contact: bool
) -> None:
    if is_contact:
        befriend(alice, bob)
    services.set_status(user_id=alice.pk, status=status, expires_at=timezone.now() + LATER)
    services.update_privacy(user_id=alice.pk, presence_shown_to=audience)
    services.set_presence(user_id=alice.pk, online=True)
    if has_expired:
        expire(alice)
    is_unseen = User.objects.filter(unseen_by(bob.pk), pk=alice.pk).exists()
    assert is_unseen is not seen(bob, alice).is_online
    assert is_unseen is not sees_presence(bob.pk, alice)
    own = User.objects.filter(unseen_by(alice.pk), pk=alice.pk).exists()
    assert own is not seen(alice, alice).is_online


def test_who_hides_from_all_is_counted(alice: User, bob: User, carol: User) -> None:
    for user in (alice, bob, carol):
        services.set_presence(user_id=user.pk, online=True)
    services.set_status(user_id=alice.pk, status="offline")
    services.update_privacy(user_id=bob.pk, presence_shown_to="nobody")
    services.update_privacy(user_id=carol.pk, presence_shown_to="contacts")
    assert hidden_count() == 2
    services.set_presence(user_id=alice.pk, online=False)
    assert hidden_count() == 1


# -- contacts -----------------------------------------------------------------------------------------


def test_contacts_are_those_of_all_sources(alice: User, bob: User, carol: User, befriend: Befriend) -> None:
    assert relations(people=[alice.pk]) == {}
    befriend(alice, bob)
    befriend(carol, bob)
    one, other, third = str(alice.pk), str(bob.pk), str(carol.pk)
    assert relations(people=[one]) == {(one, other): True}
    assert relations(people=[bob.pk], others=[carol.pk, bob.pk]) == {(other, third): True}
    assert relations(people=[one, third], others=[other, one]) == {(one, other): True, (third, other): True}
    assert relations(people=[one], others=[]) == {}
    assert (shown_to(other, [alice.pk, bob.pk]), shown_to(alice.pk, [third])) == ({one}, set())
