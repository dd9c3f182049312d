"""The way out of mail: a link that needs no log-in."""

import re
from datetime import timedelta
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.links import signed
from accounts.models import User
from chat import services
from chat.events import ConversationUpdated
from chat.models import Conversation, Membership
from chat.unsubscribing import SALT, link
from realtime.logs import RedactingFormatter
from realtime.publishing import Intent, Push
from realtime.rooms import UserRoom
from tests.accounts.conftest import as_user
from tests.chat.mailing import give_address, later
from tests.chat.talk import say

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def path(address: str) -> str:
    """Of an address of ours."""
    return address.removeprefix(settings.PUBLIC_URL)


def token_of(user: User) -> str:
    """Of a link of theirs."""
    return parse_qs(urlsplit(link(user.pk)).query)["token"][0]


def wants_mail(user: User) -> bool:
    user.refresh_from_db()
    return user.mail_messages


def is_muted(conversation: Conversation, user: User) -> bool:
    return Membership.objects.get(conversation=conversation, user=user).is_muted


@pytest.fixture
def visitor() -> Client:
    """A browser, or a mail program, that checks what Django checks."""
    return Client(enforce_csrf_checks=True)


def test_looking_at_the_link_changes_nothing(visitor: Client, bob: User) -> None:
    for method in (visitor.get, visitor.head, visitor.options):
        assert method(path(link(bob.pk))).status_code == 200
    assert wants_mail(bob)


def test_the_button_ends_all_mail_and_the_next_message_makes_none(
    visitor: Client, group: Conversation, alice: User, bob: User, mailoutbox: list[EmailMessage]
) -> None:
    give_address(bob)
    say(group, alice, "one")
    later()
    [address] = re.findall(r"No more mail about messages at all: (\S+)", str(mailoutbox[0].body))
    page = visitor.get(path(address)).content.decode()
    assert '<form method="post">' in page
    assert "All" not in page or "mute" not in page
    done = visitor.post(path(address))
    assert done.status_code == 200
    assert "You will get no more mail about messages" in done.content.decode()
    assert not wants_mail(bob)
    say(group, alice, "two")
    later()
    assert len(mailoutbox) == 1


def test_a_mail_program_ends_it_in_one_click_by_the_header(
    visitor: Client, group: Conversation, alice: User, bob: User, mailoutbox: list[EmailMessage]
) -> None:
    give_address(bob)
    say(group, alice, "one")
    later()
    address = mailoutbox[0].extra_headers["List-Unsubscribe"].strip("<>")
    for _ in range(2):  # again, it stays done
        assert visitor.post(path(address), ONE_CLICK).status_code == 200
    assert not wants_mail(bob)


def test_the_link_of_a_conversation_mutes_that_one_alone(
    visitor: Client, group: Conversation, direct: Conversation, bob: User
) -> None:
    address = path(link(bob.pk, group.pk))
    assert "it will be muted" in visitor.get(address).content.decode()
    assert not is_muted(group, bob)
    assert visitor.post(address).status_code == 200
    assert wants_mail(bob)
    assert is_muted(group, bob)
    assert not is_muted(direct, bob)


def test_ones_devices_hear_that_it_is_muted(
    visitor: Client, group: Conversation, bob: User, published: list[Intent]
) -> None:
    published.clear()
    visitor.post(path(link(bob.pk, group.pk)))
    [push] = published
    assert isinstance(push, Push)
    assert isinstance(push.event, ConversationUpdated)
    assert push.rooms == UserRoom(bob.pk)


def test_one_can_change_ones_mind_in_the_profile(visitor: Client, bob: User) -> None:
    visitor.post(path(link(bob.pk)))
    assert as_user(bob).patch("/api/me/", {"mailMessages": True}).json()["mailMessages"] is True
    assert wants_mail(bob)


def test_a_link_of_ones_own_is_nobody_elses(visitor: Client, alice: User, bob: User) -> None:
    visitor.post(path(link(bob.pk)))
    assert wants_mail(alice)


@pytest.mark.parametrize(
    "harm", [lambda t: t[:-1], lambda t: "x" + t, lambda t: t.replace(":", ";"), lambda _: "é:a:b", lambda _: ""]
)
def test_a_link_that_lost_something_says_so_and_changes_nothing(visitor: Client, bob: User, harm: object) -> None:
    address = signed("/mail/unsubscribe/", harm(token_of(bob)))  # type: ignore[operator]
    for answer in (visitor.get(address), visitor.post(address)):
        assert answer.status_code == 404
        assert "This link does not work" in answer.content.decode()
    assert wants_mail(bob)


def test_a_signature_of_another_kind_does_not_count(visitor: Client, bob: User) -> None:
    other = signing.dumps([bob.pk.hex], salt="something.else")
    assert visitor.post(signed("/mail/unsubscribe/", other)).status_code == 404
    assert wants_mail(bob)


def test_an_old_link_says_so(visitor: Client, bob: User, settings: Settings) -> None:
    address = path(link(bob.pk))
    settings.CHAT_MAIL_LINK_DAYS = -1  # the clock has gone on by a day more than that
    for answer in (visitor.get(address), visitor.post(address)):
        assert answer.status_code == 410
        assert "This link is too old" in answer.content.decode()
    assert wants_mail(bob)


def test_the_link_of_a_deleted_account_says_so(visitor: Client, bob: User) -> None:
    address = path(link(bob.pk))
    bob.delete()
    answer = visitor.post(address)
    assert answer.status_code == 410
    assert "no such account" in answer.content.decode()


def test_who_has_left_the_conversation_is_told_that_it_is_done(visitor: Client, group: Conversation, bob: User) -> None:
    address = path(link(bob.pk, group.pk))
    Membership.objects.filter(user=bob).delete()
    assert visitor.post(address).status_code == 200
    assert wants_mail(bob)


def test_the_page_lets_nothing_in_and_its_address_out_to_nobody(visitor: Client, bob: User) -> None:
    headers = visitor.get(path(link(bob.pk))).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in headers["Cache-Control"]


def test_the_link_says_nothing_that_it_need_not(bob: User) -> None:
    assert signing.loads(token_of(bob), salt=SALT) == [bob.pk.hex]


def test_a_conversation_is_muted_for_good(visitor: Client, group: Conversation, bob: User) -> None:
    visitor.post(path(link(bob.pk, group.pk)))
    until = Membership.objects.get(conversation=group, user=bob).muted_until
    assert until is not None
    assert until > timezone.now() + timedelta(days=365 * 1000)


@pytest.mark.parametrize("as_json", [True, False])
def test_what_goes_wrong_there_tells_the_log_no_token(
    bob: User, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("the database is away")

    monkeypatch.setattr(services, "stop_mail", fail)
    caplog.set_level("DEBUG")
    visitor = Client(raise_request_exception=False)
    assert visitor.post(path(link(bob.pk))).status_code == 500
    assert visitor.get(path(link(bob.pk))[:-1]).status_code == 404
    assert visitor.get(path(link(bob.pk)).replace("/?", "/more/?")).status_code == 404
    assert len(caplog.records) >= 3
    log = "\n".join(map(RedactingFormatter(json=as_json).format, caplog.records))
    assert "the database is away" in log
    for part in token_of(bob).split(":"):
        assert part not in log
        assert quote(part) not in log
