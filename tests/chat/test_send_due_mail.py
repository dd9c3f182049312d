"""`manage.py send_due_mail`, and the notices in the admin."""

from collections.abc import Callable
from io import StringIO

import pytest
from django.core import mail as django_mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_tasks_db.models import DBTaskResult
from pytest_django import Settings

from accounts.models import User
from chat import services
from chat.checks import check_sender
from chat.management.commands.send_due_mail import HELP
from chat.models import Conversation, MailNotice
from chat.services.notices import look_around
from tests.chat.mailing import give_address, later, outcomes, pass_time, read, work
from tests.chat.talk import say

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture(autouse=True)
def address(bob: User) -> None:
    give_address(bob)


def run(**options: object) -> str:
    output = StringIO()
    call_command("send_due_mail", stdout=output, **options)
    return output.getvalue()


def test_it_sends_what_is_due_and_tells_of_each(
    group: Conversation, direct: Conversation, alice: User, bob: User
) -> None:
    assert run() == "Nothing was due.\n"
    say(group, alice, "one")
    say(direct, alice, "two")
    assert run() == "Nothing was due.\n"
    pass_time()
    look_around()
    read(direct, bob, 1)
    *lines, summary = run().splitlines()
    assert len(django_mail.outbox) == 1
    first, second = MailNotice.objects.order_by("id")
    assert sorted(lines) == sorted([f"{first.pk}: sent", f"{second.pk}: read"])
    assert summary == "2 were due: 1 read, 1 sent."
    work()
    assert len(django_mail.outbox) == 1


def test_what_could_not_be_sent_is_an_error(settings: Settings, group: Conversation, alice: User, bob: User) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.CHAT_MAIL_RETRIES = "127.0.0.1", 1, 0
    say(group, alice, "one")
    pass_time()
    with pytest.raises(CommandError, match="1 could not be sent"):
        run()
    assert outcomes() == ["failed"]


def test_later_leaves_it_to_a_worker(group: Conversation, alice: User) -> None:
    say(group, alice, "one")
    pass_time()
    DBTaskResult.objects.all().delete()
    assert run(later=True) == "A worker will look for it.\n"
    assert run(later=True, verbosity=0) == ""
    assert django_mail.outbox == []
    work()
    assert len(django_mail.outbox) == 1


def test_forget_deletes_what_was_over_before(group: Conversation, direct: Conversation, alice: User) -> None:
    say(group, alice, "one")
    later()
    say(direct, alice, "two")
    assert run(forget=1).startswith("0 records deleted.")
    assert run(forget=0).startswith("1 records deleted.")
    assert outcomes() == []
    later()
    assert outcomes() == ["sent"]
    with pytest.raises(CommandError, match="number of days"):
        run(forget=-1)


def test_its_help_has_an_example() -> None:
    assert "manage.py send_due_mail --later" in HELP


@pytest.mark.parametrize("sender", ["nobody", "Chat <chat@example.org>", "chat@example.org"])
def test_a_sender_is_accepted(settings: Settings, sender: str) -> None:
    settings.DEFAULT_FROM_EMAIL = sender
    assert not check_sender()


@pytest.mark.parametrize("sender", ["chat@", "a b@c d", "chat@example.org\nBcc: eve@example.com"])
def test_a_sender_that_is_no_address_is_told_by_the_checks(settings: Settings, sender: str) -> None:
    settings.DEFAULT_FROM_EMAIL = sender
    assert [error.id for error in check_sender()] == ["chat.E001"]


# -- the admin --------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(admin_user: User) -> Client:
    """The browser of somebody who may do everything."""
    client = Client()
    client.force_login(admin_user)
    return client


def test_the_admin_finds_and_filters_notices_and_changes_none(
    desk: Client, group: Conversation, direct: Conversation, alice: User
) -> None:
    say(group, alice, "one")
    later()
    say(direct, alice, "two")
    pass_time()
    look_around()
    page = reverse("admin:chat_mailnotice_changelist")
    for query, count in [
        ({}, 2),
        ({"outcome__exact": "sent"}, 1),
        ({"done_at__isempty": "1"}, 1),
        ({"q": "bob"}, 2),
        ({"q": "Trip"}, 1),
        ({"q": "nobody"}, 0),
    ]:
        answer = desk.get(page, query)
        assert answer.status_code == 200
        assert answer.context["cl"].result_count == count
    notice = MailNotice.objects.first()
    assert notice is not None
    one = reverse("admin:chat_mailnotice_change", args=[notice.pk])
    assert desk.get(one).status_code == 200
    assert desk.post(one, {"attempts": 5}).status_code == 403
    assert desk.get(reverse("admin:chat_mailnotice_add")).status_code == 403


def test_the_list_takes_the_same_number_of_queries_for_one_as_for_many(
    desk: Client, group: Conversation, alice: User, person: Callable[..., User]
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert desk.get(reverse("admin:chat_mailnotice_changelist")).status_code == 200
        return len(queries)

    say(group, alice, "one")
    pass_time()
    look_around()
    cost()
    before = cost()
    for number in range(10):
        user = person(f"guest-{number}", email=f"{number}@example.com")
        say(services.create_conversation(creator_id=alice.pk, kind="direct", members=[user.pk]), alice, "two")
    pass_time()
    look_around()
    assert MailNotice.objects.count() == 11
    assert cost() == before
