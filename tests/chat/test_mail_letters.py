"""What a mail says, and that nobody can make it say something else."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core import mail as django_mail
from django.core.mail import EmailMultiAlternatives
from pytest_django import Settings

from accounts.models import User
from accounts.services import update_account
from chat.letters import one_line, several_lines
from chat.models import Conversation, MailNotice, Message
from chat.services import create_conversation
from tests.chat.mailing import give_address, later
from tests.chat.talk import say

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

EVIL = '<img src=x onerror="alert(1)"> & "you"'


@pytest.fixture(autouse=True)
def address(bob: User, settings: Settings) -> None:
    give_address(bob)
    settings.PUBLIC_URL = "https://chat.example.org"


def the_mail() -> EmailMultiAlternatives:
    """The only one, when it is due."""
    later()
    [mail] = django_mail.outbox
    assert isinstance(mail, EmailMultiAlternatives)
    return mail


def html_of(mail: EmailMultiAlternatives) -> str:
    [(content, kind)] = mail.alternatives
    assert kind == "text/html"
    return str(content)


class Page(HTMLParser):
    """The tags and the text of a mail."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, data: str) -> None:
        self.text += data


def rename(user: User, name: str) -> None:
    User.objects.filter(pk=user.pk).update(display_name=name)


def test_a_mail_says_who_said_what_and_where(direct: Conversation, alice: User) -> None:
    say(direct, alice, "Hello Bob!\n\nHow are you?")
    mail = the_mail()
    assert mail.subject == "New message from Alice A."
    assert mail.to == ["bob@example.com"]
    assert "Hello bob,\n\na new message waits for you from Alice A.:" in mail.body
    assert "> Hello Bob!\n> \n> How are you?\n" in mail.body
    page = Page(html_of(mail))
    for part in ("Alice A.", "Hello Bob!", "How are you?"):
        assert part in page.text
    assert "https://chat.example.org/" in page.links


def test_several_messages_of_a_group_are_named_by_its_title(
    group: Conversation, alice: User, django_assert_max_num_queries: Any
) -> None:
    say(group, alice, "one", "two", "three")
    mail = the_mail()
    assert mail.subject == "3 new messages in Trip"
    assert "3 new messages wait for you in Trip:" in mail.body


def test_a_group_without_a_title_is_a_group(alice: User, bob: User) -> None:
    say(create_conversation(creator_id=alice.pk, kind="group", members=[bob.pk]), alice, "one")
    assert the_mail().subject == "New message in a group"


def test_of_many_messages_the_first_are_shown_and_the_rest_counted(
    settings: Settings, group: Conversation, alice: User
) -> None:
    settings.CHAT_MAIL_MESSAGES = 2
    say(group, alice, "first", "second", "third", "fourth")
    mail = the_mail()
    for content in (mail.body, Page(html_of(mail)).text):
        assert "second" in content
        assert "third" not in content
        assert "and 2 more." in content


def test_no_more_is_said_of_more_where_all_is_shown(settings: Settings, group: Conversation, alice: User) -> None:
    settings.CHAT_MAIL_MESSAGES = 2
    say(group, alice, "first", "second")
    assert " more." not in the_mail().body


def test_a_long_text_is_cut(settings: Settings, group: Conversation, alice: User) -> None:
    settings.CHAT_MAIL_TEXT = 20
    say(group, alice, "word " * 50)
    assert "> word word word word…\n" in the_mail().body


def test_an_encrypted_message_is_announced_without_its_content(group: Conversation, alice: User) -> None:
    [message] = say(group, alice, "x")
    Message.objects.filter(pk=message.pk).update(text="", ciphertext="c2VjcmV0")
    mail = the_mail()
    assert "(an encrypted message)" in mail.body
    assert "An encrypted message" in html_of(mail)
    assert "c2VjcmV0" not in str(mail.message())


def test_files_are_named(group: Conversation, alice: User) -> None:
    [message] = say(group, alice, "x")
    files = [
        {"url": "https://a.example/1", "type": "image/png", "name": "cat\r\n.png"},
        {"url": "https://a.example/2", "type": "video"},
    ]
    Message.objects.filter(pk=message.pk).update(text="", attachments=files)
    mail = the_mail()
    assert "(attachment: cat .png)\n(attachment: video)" in mail.body
    assert "https://a.example" not in html_of(mail)


@pytest.mark.parametrize("hostile", [EVIL, "{{ settings.SECRET_KEY }}{% debug %}", "</div></body>"])
def test_names_titles_and_texts_are_no_html(group: Conversation, alice: User, bob: User, hostile: str) -> None:
    say(group, alice, "plain")
    later()
    expected = Page(html_of(django_mail.outbox.pop())).tags  # type: ignore[arg-type]
    rename(alice, hostile)
    rename(bob, hostile)
    Conversation.objects.update(title=hostile)
    say(group, alice, hostile)
    page = Page(html_of(the_mail()))
    assert page.tags == expected
    assert page.text.count(hostile) == 4
    assert all(link.startswith("https://chat.example.org/") for link in page.links)


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\x0b", "\x85", "\u2028"])
def test_no_name_and_no_title_adds_a_header_or_a_line(group: Conversation, alice: User, bob: User, end: str) -> None:
    rename(alice, f"Al{end}Bcc: eve@example.com")
    rename(bob, f"Bob{end}{end}.{end}QUIT")
    Conversation.objects.update(title=f"Trip{end}Bcc: eve@example.com")
    say(group, alice, f"one{end}.{end}two")
    mail = the_mail()
    assert mail.subject == "New message in Trip Bcc: eve@example.com"
    assert mail.recipients() == ["bob@example.com"]
    sent = mail.message()
    assert sent["Bcc"] is None
    assert "\nAl Bcc: eve@example.com, " in mail.body
    assert mail.body.startswith("Hello Bob . QUIT,\n")


def test_nobody_can_write_what_looks_like_ours(group: Conversation, alice: User) -> None:
    say(group, alice, "hi\n-- \nNo more mail about messages at all: https://evil.example/")
    body = str(the_mail().body)
    assert "\n> No more mail about messages at all: https://evil.example/" in body
    assert re.findall(r"^No more mail about messages at all: (https://[^/]+)", body, re.M) == [
        "https://chat.example.org"
    ]


def test_characters_that_turn_or_hide_text_are_taken_out() -> None:
    assert one_line("a\u202egnp.exe\u202c \x1b[2J\u200bb") == "a gnp.exe [2J b"
    assert one_line("\U0001f469\u200d\U0001f680 ok") == "\U0001f469\u200d\U0001f680 ok"
    assert one_line("x" * 100) == "x" * 79 + "…"
    assert several_lines("\n a\tb\x00 \u2028c\n\n", length=100) == "a b  \nc"


def test_the_headers_are_those_of_a_mail_that_nobody_wrote(
    group: Conversation, alice: User, settings: Settings
) -> None:
    settings.DEFAULT_FROM_EMAIL = "Chat <chat@example.org>"
    say(group, alice, "one")
    mail = the_mail().message()
    notice = MailNotice.objects.get()
    thread = f"<conversation.{group.pk}@chat.example.org>"
    assert mail["From"] == "Chat <chat@example.org>"
    assert mail["Message-ID"] == f"<notice.{notice.pk}@chat.example.org>"
    assert (mail["References"], mail["In-Reply-To"]) == (thread, thread)
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.fullmatch(r"<https://chat\.example\.org/mail/unsubscribe/\?token=[\w%-]+>", mail["List-Unsubscribe"])
    assert mail.is_multipart()
    assert [part.get_content_type() for part in mail.get_payload()] == ["text/plain", "text/html"]


def test_mails_of_one_conversation_are_one_thread(group: Conversation, alice: User) -> None:
    for text in ("one", "two"):
        say(group, alice, text)
        later()
    first, second = (mail.message() for mail in django_mail.outbox)
    assert first["References"] == second["References"]
    assert first["Message-ID"] != second["Message-ID"]


def test_other_scripts_arrive_whole(group: Conversation, alice: User) -> None:
    update_account(user_id=alice.pk, changes={"display_name": "Zoë 李"})
    Conversation.objects.update(title="سفر")
    say(group, alice, "שלום 🙂")
    mail = the_mail()
    assert mail.subject == "New message in سفر"
    assert "Zoë 李" in mail.body
    assert "שלום 🙂" in Page(html_of(mail)).text
    mail.message().as_bytes()
