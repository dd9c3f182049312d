"""The people and conversations of the demo."""

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import User
from accounts.services import block_user, log_in
from chat.models import Conversation, Message
from chat.services import remove_member
from tests.chat.files import media
from web.demo import PASSWORD, seed

__all__ = ["media"]
pytestmark = [pytest.mark.django_db, pytest.mark.sqlite, pytest.mark.usefixtures("media")]


def state() -> list[int]:
    return [User.objects.count(), Conversation.objects.count(), Message.objects.count()]


def test_everybody_can_log_in_with_the_one_password() -> None:
    seed()
    people = {name: log_in(username=name, password=PASSWORD) for name in ("alice", "bob", "carol", "admin")}
    assert [person.name for person in people.values()] == ["Alice", "Bob", "Carol", "Admin"]
    assert [name for name, person in people.items() if person.is_staff or person.is_superuser] == ["admin"]


def test_there_is_something_to_read() -> None:
    seed()
    direct = Conversation.objects.get(kind="direct")
    group = Conversation.objects.get(kind="group")
    assert {str(user) for user in direct.members.all()} == {"alice", "bob"}
    assert {str(user) for user in group.members.all()} == {"alice", "bob", "carol"}
    assert group.title == "Weekend plans"
    assert direct.messages.count() > 1
    assert {str(message.sender) for message in group.messages.all()} == {"alice", "bob", "carol"}


def test_what_a_chat_can_do_is_seen_at_first_sight() -> None:
    seed()
    group = Conversation.objects.get(kind="group")
    assert group.messages.filter(edited_at__isnull=False).exists()
    assert group.messages.filter(reply_to__isnull=False).exists()
    assert group.messages.filter(reactions__isnull=False).exists()
    (picture,) = group.messages.exclude(attachments=[]).get().attachments
    assert picture["type"] == "image/png"
    assert picture["thumbnailUrl"]


def test_seeding_again_changes_nothing() -> None:
    seed()
    before = state()
    seed()
    assert state() == before


def test_seeding_again_leaves_alone_what_people_did_to_the_demo() -> None:
    seed()
    alice, bob = User.objects.get(username="alice"), User.objects.get(username="bob")
    group = Conversation.objects.get(kind="group")
    remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=bob.pk)
    block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    before = state()
    seed()
    assert state() == before
    assert not group.members.filter(pk=bob.pk).exists()


def test_whoever_is_called_admin_already_gets_no_rights_by_it() -> None:
    user = User.objects.create_user("Admin", password="their-Own-456")
    seed()
    user.refresh_from_db()
    assert not user.is_staff
    assert not user.is_superuser


def test_the_command_says_what_it_made(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("seed_demo")
    assert "alice, bob, carol, admin" in capsys.readouterr().out


def test_in_production_it_refuses_and_makes_nobody(settings: Settings) -> None:
    settings.DEVELOPMENT = False
    with pytest.raises(CommandError, match="ENVIRONMENT"):
        call_command("seed_demo")
    assert state() == [0, 0, 0]
