"""Mail goes where somebody has said that it is theirs, and no more in a day than one can bear."""

import pytest
from django.core.mail import EmailMessage
from pytest_django import Settings

from accounts.models import User
from accounts.services import confirm_email, update_profile
from chat import services
from chat.models import Conversation
from tests.chat.mailing import give_address, go, later, outcomes, pass_time, work
from tests.chat.talk import say

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

Mails = list[EmailMessage]
DAY = 86_400


def begin(alice: User, bob: User) -> Conversation:
    group = services.create_conversation(creator_id=alice.pk, kind="group", members=[bob.pk])
    say(group, alice, "hello")
    return group


def test_an_address_that_nobody_has_confirmed_gets_no_message(
    group: Conversation, alice: User, bob: User, mailoutbox: Mails
) -> None:
    update_profile(user_id=bob.pk, email="victim@example.com")
    say(group, alice, "buy")
    later()
    go(bob)
    later()
    assert ["buy" in mail.body for mail in mailoutbox] == [False]  # the one that asks whose it is
    assert outcomes() == []
    confirm_email(user_id=bob.pk, email="victim@example.com")
    say(group, alice, "hello")
    later()
    assert [mail.to for mail in mailoutbox[1:]] == [["victim@example.com"]]


def test_an_address_gets_so_many_a_day_and_the_rest_waits(
    alice: User, bob: User, mailoutbox: Mails, settings: Settings
) -> None:
    settings.CHAT_MAIL_DAILY = 2
    give_address(bob)
    for _ in range(3):
        begin(alice, bob)
    later()
    later()
    assert len(mailoutbox) == 2
    assert sorted(outcomes()) == ["", "sent", "sent"]
    pass_time(DAY)
    work()
    assert len(mailoutbox) == 3


def test_who_takes_people_out_and_in_again_does_not_begin_to_count_anew(
    alice: User, bob: User, mailoutbox: Mails, settings: Settings
) -> None:
    settings.CHAT_MAIL_DAILY = 2
    give_address(bob)
    for _ in range(4):
        group = begin(alice, bob)
        later()
        services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=bob.pk)
    assert len(mailoutbox) == 2


def test_one_person_has_no_less_for_another_having_much(
    alice: User, bob: User, carol: User, mailoutbox: Mails, settings: Settings
) -> None:
    settings.CHAT_MAIL_DAILY = 1
    give_address(bob, carol)
    for other in (bob, bob, carol):
        begin(alice, other)
    later()
    assert sorted(mail.to[0] for mail in mailoutbox) == ["bob@example.com", "carol@example.com"]
