"""Who loses the connection when an account changes."""

import pytest

from accounts import services
from accounts.models import User
from accounts.signals import presence_changed, user_changed
from accounts.tokens import fingerprint
from realtime.publishing import Intent
from realtime.rooms import UserRoom
from realtime.signals import Change, Disconnect, Void, presence_listeners
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def test_a_new_user_is_not_disconnected(alice: User) -> None:
    assert list(user_changed(alice, Change(created=True))) == []


def test_a_changed_password_ends_the_connections_of_older_tokens(alice: User, published: list[Intent]) -> None:
    changed = services.change_password(user_id=alice.pk, old_password=PASSWORD, new_password="another-Secret-43")
    assert published == [Disconnect(str(alice.pk), keep=fingerprint(changed))]


def test_logging_out_everywhere_ends_the_connections(alice: User, published: list[Intent]) -> None:
    user = services.log_out_everywhere(user_id=alice.pk)
    assert published == [Disconnect(str(alice.pk), keep=fingerprint(user))]


def test_a_deactivated_user_keeps_no_connection(alice: User, published: list[Intent]) -> None:
    services.deactivate_user(user_id=alice.pk)
    assert published == [Disconnect(str(alice.pk), keep=None)]


def test_a_deleted_user_keeps_no_connection(alice: User, published: list[Intent]) -> None:
    pk = str(alice.pk)
    alice.delete()
    assert published == [Disconnect(pk, keep=None)]


def test_what_is_no_reason_ends_no_connection(alice: User, published: list[Intent]) -> None:
    services.update_profile(user_id=alice.pk, display_name="Al")
    services.log_in(username="alice", password=PASSWORD)
    assert published == []


def test_a_block_voids_what_either_of_the_two_has_missed(alice: User, bob: User, published: list[Intent]) -> None:
    services.block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    services.block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    services.unblock_user(blocker_id=alice.pk, blocked_id=bob.pk)
    assert published == [Void(UserRoom(alice.pk)), Void(UserRoom(bob.pk))]


def test_presence_is_written_down_and_nobody_is_told(alice: User, published: list[Intent]) -> None:
    assert presence_changed in presence_listeners.values()
    assert list(presence_changed(str(alice.pk), True)) == []
    alice.refresh_from_db()
    assert alice.is_online
    assert published == []
