"""Who gets mail about what is unread, when, and how often."""

import pytest
from django.core.mail import EmailMessage
from django.db import transaction
from django_tasks_db.models import DBTaskResult

from accounts.models import Status, User
from accounts.services import block_user, update_account
from chat import services
from chat.models import Conversation, MailNotice, Membership
from chat.services.mail import FOR_EVER
from tests.chat.mailing import come, give_address, later, outcomes, pass_time, read, work
from tests.chat.talk import say

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

Mails = list[EmailMessage]


@pytest.fixture(autouse=True)
def address(bob: User) -> None:
    """Bob's; alice has one anyway."""
    give_address(bob)


def to(mails: Mails) -> list[str]:
    return sorted(address.partition("@")[0] for mail in mails for address in mail.to)


# -- one mail ---------------------------------------------------------------------------------------------------


def test_who_is_away_gets_one_mail_after_the_quiet_period(
    group: Conversation, alice: User, bob: User, mailoutbox: Mails
) -> None:
    come(alice)
    say(group, alice, "one", "two")
    work()
    assert mailoutbox == []
    pass_time(299)
    work()
    assert mailoutbox == []
    pass_time(1)
    work()
    [mail] = mailoutbox
    assert mail.to == ["bob@example.com"]
    assert "one" in mail.body
    assert "two" in mail.body
    assert outcomes() == ["sent"]
    assert Membership.objects.get(conversation=group, user=bob).mailed_position == 2


def test_nobody_gets_a_mail_again_about_the_same_messages(group: Conversation, alice: User, mailoutbox: Mails) -> None:
    say(group, alice, "one")
    for _ in range(3):
        later()
    assert len(mailoutbox) == 1


def test_what_is_said_later_makes_another_mail_about_that_alone(
    group: Conversation, alice: User, mailoutbox: Mails
) -> None:
    say(group, alice, "one")
    later()
    say(group, alice, "two")
    later()
    assert len(mailoutbox) == 2
    assert "two" in mailoutbox[1].body
    assert "one" not in mailoutbox[1].body


def test_what_is_said_in_the_quiet_period_is_in_the_one_mail(
    group: Conversation, alice: User, mailoutbox: Mails
) -> None:
    say(group, alice, "one")
    pass_time(299)
    say(group, alice, "two")
    pass_time(1)
    work()
    [mail] = mailoutbox
    assert "two" in mail.body


def test_two_conversations_are_two_mails(
    group: Conversation, direct: Conversation, alice: User, mailoutbox: Mails
) -> None:
    say(group, alice, "one")
    say(direct, alice, "two")
    later()
    assert to(mailoutbox) == ["bob", "bob"]
    assert sorted("Trip" in mail.subject for mail in mailoutbox) == [False, True]


def test_a_message_that_is_repeated_or_rolled_back_leads_to_nothing_more(
    group: Conversation, alice: User, mailoutbox: Mails
) -> None:
    for _ in range(2):
        services.send_message(sender_id=alice.pk, conversation_id=group.pk, text="one", temp_id="t1")
    with transaction.atomic():
        say(group, alice, "never said")
        transaction.set_rollback(True)
    assert DBTaskResult.objects.count() == 1
    later()
    [mail] = mailoutbox
    assert "never" not in mail.body


# -- nobody's mail ----------------------------------------------------------------------------------------------


def test_who_has_read_it_meanwhile_gets_none(group: Conversation, alice: User, bob: User, mailoutbox: Mails) -> None:
    say(group, alice, "one", "two")
    read(group, bob, 2)
    later()
    assert mailoutbox == []
    assert outcomes() == []


def test_the_quiet_period_is_that_of_the_first_message_which_is_unread(
    group: Conversation, alice: User, bob: User, mailoutbox: Mails
) -> None:
    say(group, alice, "one")
    pass_time(200)
    say(group, alice, "two")
    read(group, bob, 1)
    pass_time(100)
    work()
    assert mailoutbox == []
    assert outcomes() == [""]
    pass_time(200)
    work()
    [mail] = mailoutbox
    assert "one" not in mail.body
    assert MailNotice.objects.get().attempts == 1


def test_who_is_there_gets_none(group: Conversation, alice: User, bob: User, mailoutbox: Mails) -> None:
    come(bob)
    say(group, alice, "one")
    later()
    assert mailoutbox == []
    assert outcomes() == []


def test_who_is_there_but_invisible_gets_none(group: Conversation, alice: User, bob: User) -> None:
    update_account(user_id=bob.pk, changes={"status": Status.OFFLINE})
    come(bob)
    say(group, alice, "one")
    later()
    assert outcomes() == []


def test_who_has_come_meanwhile_and_stays_gets_none(
    group: Conversation, alice: User, bob: User, mailoutbox: Mails
) -> None:
    say(group, alice, "one")
    come(bob)
    later()
    assert mailoutbox == []


CHANGES: list[dict[str, object]] = [
    {"mail_messages": False},
    {"email": ""},
    {"confirmed_email": ""},
    {"is_active": False},
]


@pytest.mark.parametrize("changes", CHANGES)
def test_who_wants_no_mail_or_can_get_none_gets_none(
    group: Conversation, alice: User, bob: User, mailoutbox: Mails, changes: dict[str, object]
) -> None:
    say(group, alice, "one")
    update_account(user_id=bob.pk, changes=changes)
    later()
    assert mailoutbox == []
    assert outcomes() == []


def test_who_mutes_a_conversation_gets_mail_of_the_others_alone(
    group: Conversation, direct: Conversation, alice: User, bob: User, mailoutbox: Mails
) -> None:
    say(group, alice, "one")
    say(direct, alice, "two")
    Membership.objects.filter(conversation=group, user=bob).update(muted_until=FOR_EVER)
    later()
    say(group, alice, "three")
    later()
    [mail] = mailoutbox
    assert "two" in mail.body
    assert outcomes() == ["sent"]


@pytest.mark.parametrize("by_the_other", [False, True])
def test_nothing_is_mailed_of_people_whom_a_block_parts(
    group: Conversation, alice: User, bob: User, mailoutbox: Mails, by_the_other: bool
) -> None:
    blocker, blocked = (bob, alice) if by_the_other else (alice, bob)
    say(group, alice, "before the block")
    block_user(blocker_id=blocker.pk, blocked_id=blocked.pk)
    later()
    say(group, alice, "after it")
    later()
    assert mailoutbox == []
    assert outcomes() == []


def test_one_who_is_blocked_does_not_keep_others_from_being_mailed(
    group: Conversation, alice: User, bob: User, carol: User, mailoutbox: Mails
) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    block_user(blocker_id=bob.pk, blocked_id=carol.pk)
    say(group, carol, "unseen")
    say(group, alice, "seen")
    later()
    mail = next(mail for mail in mailoutbox if mail.to == ["bob@example.com"])
    assert "unseen" not in mail.body
    assert "seen" in mail.body


def test_who_was_removed_or_deleted_gets_none(
    group: Conversation, direct: Conversation, alice: User, bob: User, carol: User, mailoutbox: Mails
) -> None:
    give_address(carol)
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    say(group, alice, "one")
    services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=bob.pk)
    carol.delete()
    later()
    assert mailoutbox == []


def test_nobody_gets_mail_about_what_they_said(group: Conversation, alice: User, bob: User, mailoutbox: Mails) -> None:
    say(group, alice, "one")
    say(group, bob, "two")
    later()
    assert to(mailoutbox) == ["alice", "bob"]
    assert ["two" in mail.body for mail in sorted(mailoutbox, key=lambda mail: mail.to)] == [True, False]


def test_what_was_deleted_is_left_out(group: Conversation, alice: User, bob: User, mailoutbox: Mails) -> None:
    first, second, _ = say(group, alice, "for all", "for bob", "stays")
    services.delete_message(actor_id=alice.pk, message_id=first.pk)
    services.delete_message(actor_id=bob.pk, message_id=second.pk, for_everyone=False)
    later()
    [mail] = mailoutbox
    assert "stays" in mail.body
    assert "for bob" not in mail.body
    assert mail.subject.startswith("New message in")


def test_if_all_was_deleted_there_is_no_mail(group: Conversation, alice: User, mailoutbox: Mails) -> None:
    [message] = say(group, alice, "one")
    services.delete_message(actor_id=alice.pk, message_id=message.pk)
    later()
    assert mailoutbox == []
    assert outcomes() == []
