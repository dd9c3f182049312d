"""Mail, coming and going: a device that is there, or was, within the quiet period."""

import pytest
from django.core.mail import EmailMessage
from django_tasks_db.models import DBTaskResult

from accounts.models import Status, User
from accounts.services import reset_presence, update_account, update_profile
from chat.models import Conversation, Departure, MailNotice
from tests.chat.mailing import come, give_address, go, later, outcomes, pass_time, read, work
from tests.chat.talk import say

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

Mails = list[EmailMessage]


@pytest.fixture(autouse=True)
def address(bob: User) -> None:
    """Bob's; alice has one anyway."""
    give_address(bob)


def test_who_goes_right_after_a_message_that_they_have_not_read_gets_mail(
    group: Conversation, alice: User, bob: User, mailoutbox: Mails
) -> None:
    come(bob)
    say(group, alice, "one")
    go(bob)
    work()
    assert mailoutbox == []
    later()
    [mail] = mailoutbox
    assert mail.to == ["bob@example.com"]
    assert not Departure.objects.exists()


def test_who_goes_and_has_read_all_gets_none(group: Conversation, alice: User, bob: User, mailoutbox: Mails) -> None:
    come(bob)
    say(group, alice, "one")
    say(group, bob, "an answer")
    read(group, bob, 1)
    go(bob)
    later()
    assert [mail.to for mail in mailoutbox] == [["alice@example.com"]]
    assert MailNotice.objects.filter(membership__user=bob).count() == 0


@pytest.mark.parametrize("status", [Status.ONLINE, Status.OFFLINE], ids=["seen", "invisible"])
def test_who_looks_in_for_a_moment_gets_the_mail_a_quiet_period_after_that(
    group: Conversation, alice: User, bob: User, mailoutbox: Mails, status: Status
) -> None:
    update_account(user_id=bob.pk, changes={"status": status})
    say(group, alice, "one")
    pass_time(200)
    come(bob)
    go(bob)
    pass_time(100)
    work()
    assert mailoutbox == []
    pass_time(199)
    work()
    assert mailoutbox == []
    pass_time(1)
    work()
    assert len(mailoutbox) == 1
    assert outcomes() == ["sent"]


def test_who_comes_back_within_the_quiet_period_of_going_gets_none(
    group: Conversation, alice: User, bob: User, mailoutbox: Mails
) -> None:
    come(bob)
    say(group, alice, "one")
    go(bob)
    pass_time(200)
    come(bob)
    later()
    assert mailoutbox == []
    go(bob)
    later()
    assert len(mailoutbox) == 1


def test_who_was_there_when_the_mail_was_due_and_goes_later_with_it_unread_gets_it(
    group: Conversation, alice: User, bob: User, mailoutbox: Mails
) -> None:
    say(group, alice, "one")
    come(bob)
    later()
    assert mailoutbox == []
    go(bob)
    later()
    assert len(mailoutbox) == 1


def test_going_again_and_again_makes_one_mail(group: Conversation, alice: User, bob: User, mailoutbox: Mails) -> None:
    say(group, alice, "one")
    for _ in range(5):
        come(bob)
        go(bob)
    for _ in range(3):
        later()
    assert len(mailoutbox) == 1


def test_who_goes_without_wanting_mail_leaves_no_trace(
    group: Conversation, alice: User, bob: User, carol: User
) -> None:
    update_profile(user_id=bob.pk, mail_messages=False)
    for user in (bob, carol):
        come(user)
        go(user)
    assert not Departure.objects.exists()
    assert not DBTaskResult.objects.exists()


def test_all_who_a_restarted_server_finds_online_count_as_gone(
    group: Conversation, alice: User, bob: User, mailoutbox: Mails
) -> None:
    come(bob)
    say(group, alice, "one")
    reset_presence()
    later()
    assert [mail.to for mail in mailoutbox] == [["bob@example.com"]]
