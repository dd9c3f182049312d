"""A mail server that refuses, hangs or is away: mail waits or is given up, and nobody's message does."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from smtplib import SMTPAuthenticationError, SMTPSenderRefused, SMTPServerDisconnected
from unittest.mock import Mock

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from pytest_django import Settings

from accounts.models import User
from chat import letters, postoffice, services, tasks
from chat.models import Conversation, MailNotice, Membership, Message
from chat.postoffice import Trouble, reason, trouble
from chat.services import notices
from tests.chat.mailing import give_address, later, outcomes, pass_time, work
from tests.chat.talk import say
from tests.services import free_port
from tests.smtp import MailServer, mail_server

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def server(settings: Settings, bob: User) -> Iterator[MailServer]:
    """Where this process sends its mail."""
    give_address(bob)
    with mail_server() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.EMAIL_TIMEOUT = 5
        yield server


def waiting() -> list[tuple[int, int]]:
    """Attempts and seconds from now, of the notices that wait."""
    now = timezone.now()
    rows = MailNotice.objects.filter(done_at=None).order_by("id").values_list("attempts", "due_at")
    return [(attempts, round((due_at - now).total_seconds() / 10) * 10) for attempts, due_at in rows]


def test_a_mail_arrives_whole(server: MailServer, group: Conversation, alice: User) -> None:
    say(group, alice, "Grüße 🙂\n.\nend")
    later()
    [mail] = server.wait_for(1)
    assert mail["To"] == "bob@example.com"
    assert mail["Subject"] == "New message in Trip"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert "> Grüße 🙂\n> .\n> end\n" in text.get_content().replace("\r\n", "\n")
    assert "Grüße 🙂" in html.get_content()
    assert outcomes() == ["sent"]


def test_a_recipient_who_is_refused_for_good_is_given_up_with_a_line_in_the_log(
    server: MailServer, group: Conversation, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers["RCPT"] = "550 bob@example.com is nobody here"
    say(group, alice, "one")
    with caplog.at_level(logging.WARNING, "chat.postoffice"):
        later()
    assert outcomes() == ["refused"]
    assert "the recipient is refused with 550" in caplog.text
    assert "bob@example.com" not in caplog.text
    later()
    assert server.asked == ["bob@example.com"]


def test_a_mail_that_is_refused_for_good_is_given_up(server: MailServer, group: Conversation, alice: User) -> None:
    server.answers["DATA"] = "554 no"
    say(group, alice, "one")
    later()
    assert outcomes() == ["refused"]


def test_what_was_given_up_is_told_with_the_next_message(server: MailServer, group: Conversation, alice: User) -> None:
    server.answers["RCPT"] = "550 no"
    say(group, alice, "one")
    later()
    server.answers.clear()
    say(group, alice, "two")
    later()
    [mail] = server.wait_for(1)
    assert mail["Subject"] == "2 new messages in Trip"


@pytest.mark.parametrize(("command", "answer"), [("RCPT", "450 later"), ("DATA", "451 later")])
def test_a_mail_that_is_refused_for_now_is_tried_again_later_and_later(
    server: MailServer, settings: Settings, group: Conversation, alice: User, command: str, answer: str
) -> None:
    settings.CHAT_MAIL_RETRIES = 3
    server.answers[command] = answer
    say(group, alice, "one")
    later()
    assert waiting() == [(1, 60)]
    work()
    assert waiting() == [(1, 60)]  # not before its time
    for attempt, delay in ((2, 120), (3, 240)):
        pass_time(delay / 2)
        work()
        assert waiting() == [(attempt, delay)]
    pass_time(240)
    work()
    assert outcomes() == ["failed"]
    later()
    assert outcomes() == ["failed"]
    assert server.asked == ["bob@example.com"] * 4


def test_a_mail_that_was_delayed_arrives_once(server: MailServer, group: Conversation, alice: User) -> None:
    server.answers["RCPT"] = "450 later"
    say(group, alice, "one")
    later()
    server.answers.clear()
    pass_time(60)
    work()
    later()
    assert len(server.mails) == 1
    assert outcomes() == ["sent"]


def test_a_mail_that_was_read_while_it_was_delayed_is_not_sent(
    server: MailServer, group: Conversation, alice: User, bob: User
) -> None:
    server.answers["RCPT"] = "450 later"
    say(group, alice, "one")
    later()
    server.answers.clear()
    Membership.objects.filter(user=bob).update(read_position=1)
    pass_time(60)
    work()
    assert (server.mails, outcomes()) == ([], ["read"])


def test_one_who_is_refused_does_not_keep_the_next_from_their_mail(
    server: MailServer, group: Conversation, alice: User, bob: User, carol: User
) -> None:
    give_address(carol)
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    server.answers["bob@example.com"] = "550 no"
    say(group, alice, "one")
    later()
    assert [mail["To"] for mail in server.mails] == ["carol@example.com"]
    assert sorted(outcomes()) == ["refused", "sent"]


def test_a_server_that_is_away_is_asked_once_and_all_wait(
    server: MailServer, settings: Settings, group: Conversation, direct: Conversation, alice: User
) -> None:
    settings.EMAIL_PORT = free_port()
    say(group, alice, "one")
    say(direct, alice, "two")
    later()
    assert waiting() == [(1, 60), (0, 60)]
    settings.EMAIL_PORT = server.port
    pass_time(60)
    work()
    assert len(server.wait_for(2)) == 2
    assert outcomes() == ["sent", "sent"]


def test_a_server_that_hangs_is_left_after_the_time_out_and_message_and_worker_go_on(
    server: MailServer, settings: Settings, group: Conversation, alice: User
) -> None:
    settings.EMAIL_TIMEOUT = 0.2
    say(group, alice, "one")
    with server.hold():
        later()
        assert waiting() == [(1, 60)]
        [message] = say(group, alice, "two")
        assert Message.objects.filter(pk=message.pk).exists()
    settings.EMAIL_TIMEOUT = 5
    pass_time(60)
    work()
    [mail] = server.wait_for(1)
    assert mail["Subject"] == "2 new messages in Trip"


@pytest.mark.parametrize("address", ["bob@", "b b@c d", "bob@example.com\nBcc: eve@example.com"])
def test_an_address_that_is_none_is_given_up(
    server: MailServer, group: Conversation, alice: User, bob: User, address: str
) -> None:
    User.objects.filter(pk=bob.pk).update(email=address, confirmed_email=address)
    say(group, alice, "one")
    later()
    assert (server.asked, outcomes()) == ([], ["refused"])


def test_sending_a_message_never_talks_to_a_mail_server(server: MailServer, group: Conversation, alice: User) -> None:
    with server.hold():
        say(group, alice, "one")
    assert not server.reached.is_set()
    assert server.asked == []


# -- workers that are killed ------------------------------------------------------------------------------------


def test_what_a_killed_worker_had_claimed_is_sent_when_the_lease_is_over(
    server: MailServer, group: Conversation, alice: User
) -> None:
    say(group, alice, "one")
    pass_time()
    notices.look_around()
    assert notices.claim() is not None  # and then it was killed
    work()
    assert server.mails == []
    pass_time(600)
    work()
    assert len(server.wait_for(1)) == 1


def test_a_worker_that_dies_between_the_acceptance_and_the_commit_makes_a_second_mail_known_as_the_first(
    server: MailServer, group: Conversation, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one window in which a mail can go twice."""
    say(group, alice, "one")
    pass_time()
    notices.look_around()
    with monkeypatch.context() as patch:
        patch.setattr(notices, "settle", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            list(postoffice.deliver())
    pass_time(600)
    work()
    first, second = server.wait_for(2)
    assert first["Message-ID"] == second["Message-ID"]
    pass_time(600)
    work()
    assert len(server.mails) == 2


def test_a_lost_task_is_made_up_for_by_the_next(server: MailServer, group: Conversation, alice: User) -> None:
    say(group, alice, "one")
    pass_time()
    DBTaskResult.objects.update(status="RUNNING")  # by a worker that is no more
    work()
    assert server.mails == []
    tasks.wake(timezone.now())  # as any other message does, or `send_due_mail --later` where a worker starts
    work()
    assert len(server.wait_for(1)) == 1


def test_a_worker_leaves_a_successor_behind_before_it_sends_anything(
    server: MailServer, group: Conversation, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(group, alice, "one")
    seen: list[int] = []
    compose = letters.compose

    def look(digest: notices.Digest) -> object:
        seen.append(DBTaskResult.objects.filter(status="READY", run_after__gt=timezone.now()).count())
        return compose(digest)

    monkeypatch.setattr("chat.postoffice.compose", look)
    later()
    assert seen == [1]


def test_a_mail_that_kills_its_workers_is_given_up(
    server: MailServer, settings: Settings, group: Conversation, alice: User
) -> None:
    settings.CHAT_MAIL_RETRIES = 2
    say(group, alice, "one")
    pass_time()
    notices.look_around()
    for _ in range(3):
        pass_time(600)
        assert notices.claim() is not None
    pass_time(600)
    work()
    assert (server.mails, outcomes()) == ([], ["failed"])


def test_a_notice_is_settled_once(group: Conversation, alice: User, bob: User) -> None:
    give_address(bob)
    say(group, alice, "one")
    pass_time()
    notices.look_around()
    notice = MailNotice.objects.get()
    notices.settle(notice, notices.Outcome.SENT)
    notices.settle(notice, notices.Outcome.FAILED)
    notices.put_off(notice, timezone.now() + timedelta(days=1))
    notice.refresh_from_db()
    assert (notice.outcome, notice.attempts) == ("sent", 0)


# -- what a failure means ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (SMTPAuthenticationError(535, b"wrong password"), Trouble.AWAY),
        (SMTPSenderRefused(550, b"not you", "chat@example.com"), Trouble.AWAY),
        (SMTPServerDisconnected("bye"), Trouble.AWAY),
        (TimeoutError(), Trouble.AWAY),
        (ValueError(), Trouble.REFUSED),
    ],
)
def test_a_mistake_in_the_settings_is_nobodys_address(error: Exception, kind: Trouble) -> None:
    assert trouble(error) is kind
    assert "example.com" not in reason(error)
