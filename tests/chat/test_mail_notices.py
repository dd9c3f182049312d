"""A notice is there already: it is judged once more before anything is sent."""

import pytest
from django.core.mail import EmailMessage

from accounts.models import User
from accounts.services import block_user, update_account
from chat import services
from chat.models import Conversation, MailNotice, Membership
from chat.services.mail import FOR_EVER
from chat.services.notices import claim, judge, look_around
from tests.chat.mailing import come, give_address, go, later, outcomes, pass_time, read, work
from tests.chat.talk import say

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

Mails = list[EmailMessage]


@pytest.fixture(autouse=True)
def address(bob: User) -> None:
    """Bob's; alice has one anyway."""
    give_address(bob)


CHANGES: list[dict[str, object]] = [
    {"mail_messages": False},
    {"email": ""},
    {"confirmed_email": ""},
    {"is_active": False},
]


@pytest.fixture
def noticed(group: Conversation, alice: User, bob: User) -> MailNotice:
    """What Bob gets as soon as somebody delivers it."""
    say(group, alice, "one")
    pass_time()
    look_around()
    return MailNotice.objects.get(done_at=None)


def test_one_who_has_read_it_by_then_gets_none(
    noticed: MailNotice, group: Conversation, bob: User, mailoutbox: Mails
) -> None:
    read(group, bob, 1)
    work()
    assert (mailoutbox, outcomes()) == ([], ["read"])


def test_one_who_is_there_by_then_gets_none_but_later_if_it_stays_unread(
    noticed: MailNotice, bob: User, mailoutbox: Mails
) -> None:
    come(bob)
    work()
    assert (mailoutbox, outcomes()) == ([], ["online"])
    go(bob)
    later()
    assert len(mailoutbox) == 1


def test_one_who_was_there_by_then_gets_it_a_quiet_period_after_that(
    noticed: MailNotice, bob: User, mailoutbox: Mails
) -> None:
    come(bob)
    go(bob)
    work()
    assert (mailoutbox, outcomes()) == ([], [""])
    later()
    assert len(mailoutbox) == 1
    assert outcomes() == ["sent"]


def test_one_who_has_muted_it_by_then_gets_none(
    noticed: MailNotice, group: Conversation, bob: User, mailoutbox: Mails
) -> None:
    Membership.objects.filter(conversation=group, user=bob).update(muted_until=FOR_EVER)
    work()
    assert (mailoutbox, outcomes()) == ([], ["muted"])


@pytest.mark.parametrize("changes", CHANGES)
def test_one_who_wants_no_mail_by_then_gets_none(
    noticed: MailNotice, bob: User, mailoutbox: Mails, changes: dict[str, object]
) -> None:
    update_account(user_id=bob.pk, changes=changes)
    work()
    assert (mailoutbox, outcomes()) == ([], ["off"])


def test_one_who_is_parted_from_the_sender_by_then_gets_none(
    noticed: MailNotice, alice: User, bob: User, mailoutbox: Mails
) -> None:
    block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    work()
    assert (mailoutbox, outcomes()) == ([], ["read"])


def test_one_who_has_left_in_the_moment_of_the_claim_gets_none(
    noticed: MailNotice, group: Conversation, alice: User, bob: User
) -> None:
    claimed = claim()
    assert claimed == noticed
    assert claimed is not None
    services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=bob.pk)
    assert judge(claimed) is None
