"""Who hears of people: what signals want to be sent, as lists."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts import services
from accounts.models import User
from accounts.presence import appearance
from accounts.services import block_user, set_presence, set_status, unblock_user, update_privacy
from chat.events import PresenceChanged
from chat.models import Conversation
from chat.signals import tell_presence
from realtime.publishing import Intent, Push
from realtime.times import iso
from tests.accounts.threads import Waiter
from tests.chat.told import ids, told
from tests.services import on_sqlite

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def here(group: Conversation, alice: User, published: list[Intent]) -> User:
    """Alice, in a group with Bob, and online."""
    set_presence(user_id=alice.pk, online=True)
    alice.refresh_from_db()
    published.clear()
    return alice


# -- coming and going ---------------------------------------------------------------------------------


def test_contacts_hear_who_comes_and_goes(group: Conversation, direct: Conversation, alice: User, bob: User) -> None:
    (push,) = tell_presence(str(alice.pk), True)
    nothing = PresenceChanged(user_id=str(alice.pk), status="online", text="", last_seen_at=None)
    assert told([push]) == [(ids(bob), nothing)]
    set_presence(user_id=alice.pk, online=False)
    alice.refresh_from_db()
    (push,) = tell_presence(str(alice.pk), False)
    assert alice.last_seen_at is not None
    gone = PresenceChanged(user_id=str(alice.pk), status="offline", text="", last_seen_at=iso(alice.last_seen_at))
    assert told([push]) == [(ids(bob), gone)]


def test_who_comes_is_told_with_the_status_they_have(group: Conversation, alice: User, bob: User) -> None:
    set_status(user_id=alice.pk, status="dnd", text="exam")
    ((listeners, event),) = told(list(tell_presence(str(alice.pk), True)))
    assert (listeners, event.status, event.text) == (ids(bob), "dnd", "exam")


@pytest.mark.parametrize("parted", [lambda one, other: (one, other), lambda one, other: (other, one)])
def test_who_is_parted_by_a_block_hears_nothing(
    group: Conversation, alice: User, bob: User, parted: Callable[..., tuple[User, User]]
) -> None:
    blocker, blocked = parted(alice, bob)
    block_user(blocker_id=blocker.pk, blocked_id=blocked.pk)
    assert [listeners for listeners, _ in told(list(tell_presence(str(alice.pk), True)))] == [set()]


@pytest.mark.parametrize("hide", [{"status": "offline"}, {"presence": "nobody"}])
@pytest.mark.parametrize("online", [True, False])
def test_of_who_hides_nothing_is_told(group: Conversation, alice: User, hide: dict[str, str], online: bool) -> None:
    if "status" in hide:
        set_status(user_id=alice.pk, status="offline")
    else:
        update_privacy(user_id=alice.pk, presence_shown_to="nobody")
    assert list(tell_presence(str(alice.pk), online)) == []


def test_when_somebody_was_last_seen_is_not_told_where_it_is_hidden(group: Conversation, alice: User) -> None:
    set_presence(user_id=alice.pk, online=False)
    update_privacy(user_id=alice.pk, last_seen_shown_to="nobody")
    ((_, event),) = told(list(tell_presence(str(alice.pk), False)))
    assert event.last_seen_at is None


def test_of_a_deleted_user_nothing_is_told(bob: User) -> None:
    pk = str(bob.pk)
    bob.delete()
    assert list(tell_presence(pk, False)) == []


def test_of_somebody_without_conversations_nobody_hears(carol: User) -> None:
    assert [listeners for listeners, _ in told(list(tell_presence(str(carol.pk), True)))] == [set()]


# -- statuses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["away", "busy", "dnd"])
def test_another_status_is_told_once(here: User, bob: User, published: list[Intent], status: str) -> None:
    for _ in range(2):
        set_status(user_id=here.pk, status=status, text="lunch")
    ((listeners, event),) = told(published)
    assert (listeners, event.user_id, event.status, event.text) == (ids(bob), str(here.pk), status, "lunch")


def test_who_becomes_invisible_is_seen_to_go_and_later_to_come(here: User, published: list[Intent]) -> None:
    set_status(user_id=here.pk, status="offline")
    ((_, gone),) = told(published)
    assert (gone.status, gone.last_seen_at is not None) == ("offline", True)
    set_status(user_id=here.pk, status="online")
    ((_, come),) = told(published)
    assert come.status == "online"


def test_of_a_status_that_nobody_sees_nothing_is_told(
    group: Conversation, alice: User, published: list[Intent]
) -> None:
    set_status(user_id=alice.pk, status="busy")  # she is not here
    set_presence(user_id=alice.pk, online=True)
    update_privacy(user_id=alice.pk, presence_shown_to="nobody")
    published.clear()
    set_status(user_id=alice.pk, status="dnd", text="x")
    assert told(published) == []


def test_the_text_of_somebody_who_is_not_here_is_told_too(
    group: Conversation, alice: User, published: list[Intent], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        set_status(user_id=alice.pk, status="away", text="back on Monday")
    ((_, event),) = told(published)
    assert (event.status, event.text) == ("offline", "back on Monday")


def test_what_has_expired_is_told_once_when_it_is_taken_back(here: User, bob: User, published: list[Intent]) -> None:
    set_status(user_id=here.pk, status="busy", text="exam", expires_at=timezone.now() + timedelta(hours=1))
    told(published)
    User.objects.filter(pk=here.pk).update(status_expires_at=timezone.now())
    for _ in range(2):
        services.expire_statuses()
    ((listeners, event),) = told(published)
    assert (listeners, event.status, event.text) == (ids(bob), "online", "")


def test_a_new_status_after_an_unnoticed_end_is_told(here: User, published: list[Intent]) -> None:
    set_status(user_id=here.pk, status="busy", expires_at=timezone.now() + timedelta(hours=1))
    User.objects.filter(pk=here.pk).update(status_expires_at=timezone.now())
    told(published)
    set_status(user_id=here.pk, status="online")
    ((_, event),) = told(published)
    assert event.status == "online"


# -- privacy ------------------------------------------------------------------------------------------


def test_who_may_see_no_more_sees_somebody_go_and_later_come(here: User, bob: User, published: list[Intent]) -> None:
    set_status(user_id=here.pk, status="busy", text="work")
    told(published)
    update_privacy(user_id=here.pk, presence_shown_to="contacts")
    assert told(published) == []  # all who were told are contacts
    update_privacy(user_id=here.pk, presence_shown_to="nobody")
    assert told(published) == [
        (ids(bob), PresenceChanged(user_id=str(here.pk), status="offline", text="", last_seen_at=None))
    ]
    update_privacy(user_id=here.pk, presence_shown_to="everyone")
    ((_, event),) = told(published)
    assert (event.status, event.text, event.last_seen_at is not None) == ("busy", "work", True)


def test_when_somebody_was_last_seen_is_taken_back(here: User, published: list[Intent]) -> None:
    update_privacy(user_id=here.pk, last_seen_shown_to="nobody")
    ((_, event),) = told(published)
    assert (event.status, event.last_seen_at) == ("online", None)


# -- blocks -------------------------------------------------------------------------------------------


def test_a_block_lets_each_see_the_other_go_and_its_end_lets_them_come(
    here: User, bob: User, published: list[Intent]
) -> None:
    set_presence(user_id=bob.pk, online=True)
    for blocker, blocked in ((here, bob), (bob, here)):
        published.clear()
        block_user(blocker_id=blocker.pk, blocked_id=blocked.pk)
        assert all(push.is_personal for push in published if isinstance(push, Push))
        gone = {next(iter(listeners)): event for listeners, event in told(published)}
        assert {listener: (event.user_id, event.status, event.last_seen_at) for listener, event in gone.items()} == {
            str(here.pk): (str(bob.pk), "offline", None),
            str(bob.pk): (str(here.pk), "offline", None),
        }
        unblock_user(blocker_id=blocker.pk, blocked_id=blocked.pk)
        come = {next(iter(listeners)): event.status for listeners, event in told(published)}
        assert come == {str(here.pk): "online", str(bob.pk): "online"}


def test_of_two_blocks_only_the_first_and_the_last_end_are_told(here: User, bob: User, published: list[Intent]) -> None:
    block_user(blocker_id=str(here.pk), blocked_id=str(bob.pk))  # as REST has them
    assert len(told(published)) == 1  # Bob is not here, and never was
    block_user(blocker_id=bob.pk, blocked_id=here.pk)
    unblock_user(blocker_id=here.pk, blocked_id=bob.pk)
    assert told(published) == []
    unblock_user(blocker_id=bob.pk, blocked_id=here.pk)
    assert len(told(published)) == 1


def test_a_block_tells_strangers_nothing(here: User, carol: User, published: list[Intent]) -> None:
    set_presence(user_id=carol.pk, online=True)
    block_user(blocker_id=here.pk, blocked_id=carol.pk)
    unblock_user(blocker_id=here.pk, blocked_id=carol.pk)
    assert told(published) == []


def test_a_block_of_a_deleted_user_tells_nothing(here: User, bob: User, published: list[Intent]) -> None:
    block_user(blocker_id=here.pk, blocked_id=bob.pk)
    told(published)
    bob.delete()
    assert told(published) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(on_sqlite(), reason="SQLite has one writer at a time")
def test_of_two_who_end_their_blocks_at_once_the_last_one_is_told(
    here: User, bob: User, published: list[Intent]
) -> None:
    block_user(blocker_id=here.pk, blocked_id=bob.pk)
    block_user(blocker_id=bob.pk, blocked_id=here.pk)
    published.clear()
    with transaction.atomic():
        unblock_user(blocker_id=here.pk, blocked_id=bob.pk)
        other = Waiter(partial(unblock_user, blocker_id=bob.pk, blocked_id=here.pk))
        assert told(published) == []  # there is a block still
    assert other.result() is None
    assert told(published) == [(ids(bob), PresenceChanged.of(here, appearance(here, is_contact=True)))]
