"""An address gets mail when its owner has said that it is theirs, and few letters until then."""

import re
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.conf import settings as project_settings
from django.core import signing
from django.core.mail import EmailMessage
from django.test import Client
from django_tasks_db.models import DBTaskResult
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts import services
from accounts.confirming import link
from accounts.models import User
from realtime.logs import RedactingFormatter
from tests.accounts.conftest import as_user
from tests.chat.mailing import pass_time, work
from tests.conftest import PASSWORD
from tests.services import free_port

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

Mails = list[EmailMessage]
DAY = 86_400


@pytest.fixture
def visitor() -> Client:
    """A browser that checks what Django checks."""
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def dora(stranger: APIClient) -> User:
    """She has just registered."""
    stranger.post(
        "/api/auth/register",
        {"username": "dora", "password": PASSWORD, "email": "Dora@EXAMPLE.com", "displayName": "Buy at evil.example"},
    )
    return User.objects.get(username="dora")


def path(address: str) -> str:
    return address.removeprefix(project_settings.PUBLIC_URL)


def in_letter(mail: EmailMessage) -> str:
    """Where its link leads."""
    [address] = re.findall(r"https?://\S+", str(mail.body))
    return path(address)


def is_confirmed(user: User) -> bool:
    return bool(as_user(User.objects.get(pk=user.pk)).get("/api/me/").json()["emailConfirmed"])


def test_who_registers_gets_a_letter_and_confirms_by_its_button(dora: User, visitor: Client, mailoutbox: Mails) -> None:
    assert mailoutbox == []  # not while she waits
    work()
    [mail] = mailoutbox
    assert mail.to == ["Dora@example.com"]
    assert "evil" not in str(mail.message())  # it goes to somebody who perhaps knows nothing of it
    for method in (visitor.get, visitor.head):
        assert method(in_letter(mail)).status_code == 200
    assert '<form method="post">' in visitor.get(in_letter(mail)).content.decode()
    assert not is_confirmed(dora)
    for _ in range(2):
        done = visitor.post(in_letter(mail))
        assert (done.status_code, "Dora@example.com is confirmed" in done.content.decode()) == (200, True)
    assert is_confirmed(dora)


def test_who_gives_no_address_gets_no_letter(bob: User) -> None:
    assert not DBTaskResult.objects.exists()


def test_another_address_is_confirmed_anew_and_the_old_link_is_void(
    dora: User, visitor: Client, mailoutbox: Mails
) -> None:
    work()
    visitor.post(in_letter(mailoutbox[0]))
    as_user(dora).patch("/api/me/", {"email": "other@example.com"})
    assert not is_confirmed(dora)
    work()
    assert [mail.to for mail in mailoutbox[1:]] == [["other@example.com"]]
    old = visitor.post(in_letter(mailoutbox[0]))
    assert (old.status_code, "not the address of your account" in old.content.decode()) == (410, True)
    assert not is_confirmed(dora)
    visitor.post(in_letter(mailoutbox[1]))
    assert is_confirmed(dora)


def test_what_is_confirmed_already_is_not_asked_again(dora: User, visitor: Client, mailoutbox: Mails) -> None:
    visitor.post(path(link(dora)))
    as_user(dora).patch("/api/me/", {"email": "Dora@example.com"})
    work()
    assert mailoutbox == []
    assert is_confirmed(dora)


def test_nobody_confirms_by_themselves(dora: User) -> None:
    answer = as_user(dora).patch("/api/me/", {"emailConfirmed": True, "confirmedEmail": dora.email})
    assert answer.status_code == 400
    assert not is_confirmed(dora)


def test_an_address_that_staff_know_to_be_right_is_confirmed_however_they_spell_its_host(bob: User) -> None:
    address = "bob@EXAMPLE.com"
    user = services.update_account(user_id=bob.pk, changes={"email": address, "confirmed_email": address})
    assert user.mailbox == "bob@example.com"


@pytest.mark.parametrize("spelling", ["victim@example.com", "Victim@example.com", "VICTIM@example.com"])
def test_an_address_gets_few_letters_whoever_asks_and_however(
    stranger: APIClient, mailoutbox: Mails, settings: Settings, spelling: str
) -> None:
    settings.EMAIL_CONFIRM_DAILY = 2
    for number in range(3):
        body = {"username": f"eve{number}", "password": PASSWORD, "email": "victim@example.com"}
        assert stranger.post("/api/auth/register", body).status_code == 201
    work()
    assert len(mailoutbox) == 2
    eve = User.objects.get(username="eve0")
    for address in ("elsewhere@example.com", spelling):
        as_user(eve).patch("/api/me/", {"email": address})
        work()
    assert [mail.to[0] for mail in mailoutbox[2:]] == ["elsewhere@example.com"]
    pass_time(DAY)
    as_user(eve).patch("/api/me/", {"email": spelling})  # asking again is saving it again
    work()
    assert [mail.to[0] for mail in mailoutbox[3:]] == [spelling]


def test_one_person_has_few_letters_sent_to_however_many_addresses(
    alice: User, mailoutbox: Mails, settings: Settings
) -> None:
    """All of these are one mailbox, at many providers."""
    settings.EMAIL_CONFIRM_DAILY = 2
    for number in range(4):
        as_user(alice).patch("/api/me/", {"email": f"victim+{number}@example.com"})
        work()
    assert [mail.to[0] for mail in mailoutbox] == ["victim+0@example.com", "victim+1@example.com"]
    pass_time(DAY)
    as_user(alice).patch("/api/me/", {"email": "her-own@example.com"})
    work()
    assert [mail.to[0] for mail in mailoutbox[2:]] == ["her-own@example.com"]


def test_a_link_that_lost_something_or_is_another_kinds_does_not_count(dora: User, visitor: Client) -> None:
    other = signing.dumps([dora.pk.hex, dora.email], salt="something.else")
    for address in (path(link(dora))[:-1], f"/mail/confirm/?token={quote(other)}", "/mail/confirm/"):
        answer = visitor.post(address)
        assert (answer.status_code, "does not work" in answer.content.decode()) == (404, True)
    assert not is_confirmed(dora)


def test_an_old_link_says_so(dora: User, visitor: Client, settings: Settings) -> None:
    settings.EMAIL_CONFIRM_DAYS = -1
    answer = visitor.post(path(link(dora)))
    assert (answer.status_code, "too old" in answer.content.decode()) == (410, True)
    assert not is_confirmed(dora)


def test_the_link_of_a_closed_account_is_void(dora: User, visitor: Client) -> None:
    services.deactivate_user(user_id=dora.pk)
    assert visitor.post(path(link(dora))).status_code == 410


def test_while_the_mail_server_is_away_the_letter_waits_and_the_log_names_nobody(
    dora: User, mailoutbox: Mails, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    memory = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    work()
    assert "a confirmation was not sent: ConnectionRefusedError" in caplog.text
    settings.EMAIL_BACKEND = memory
    work()
    assert mailoutbox == []
    pass_time(60)
    work()
    assert [mail.to for mail in mailoutbox] == [["Dora@example.com"]]
    log = "\n".join(map(RedactingFormatter().format, caplog.records))
    token = parse_qs(urlsplit(in_letter(mailoutbox[0])).query)["token"][0]
    assert token.rpartition(":")[2] not in log


def test_after_some_attempts_it_is_given_up(dora: User, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    for _ in range(8):
        work()
        pass_time(3600)
    done = DBTaskResult.objects.order_by("enqueued_at")
    assert [task.return_value for task in done] == ["later"] * 5 + ["given up"]
