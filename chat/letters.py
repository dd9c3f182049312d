"""From a digest to a mail: what it says, as text and as HTML, and its headers.

Names and texts are other people's: on one line where one is meant, without characters that nobody sees, and in the
text each line of a message behind a `>`, so that nobody can write what looks like ours.
"""

from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from chat.models import Conversation, Message
from chat.services.notices import Digest
from chat.unsubscribing import link

NAME_LENGTH: Final = 80
JOINERS: Final = "\u200c\u200d"  # they are not printable, but some scripts and many emoji need them


def compose(digest: Digest) -> EmailMultiAlternatives:
    """The mail."""
    context = _context(digest)
    subject = render_to_string("chat/mail/subject.txt", context)
    mail = EmailMultiAlternatives(
        subject=one_line(subject, length=200),
        body=render_to_string("chat/mail/message.txt", context),
        to=[digest.user.mailbox],
        headers=_headers(digest, context["stop_all"]),
    )
    mail.attach_alternative(render_to_string("chat/mail/message.html", context), "text/html")
    return mail


def _context(digest: Digest) -> dict[str, Any]:
    conversation = digest.conversation
    is_direct = conversation.kind == Conversation.Kind.DIRECT
    messages = [_shown(message) for message in digest.messages]
    return {
        "name": one_line(digest.user.name),
        "is_direct": is_direct,
        "title": messages[0]["sender"] if is_direct else one_line(conversation.title) or "a group",
        "messages": messages,
        "count": digest.count,
        "more": digest.count - len(messages),
        "url": f"{settings.PUBLIC_URL}/",
        "stop_conversation": link(digest.user.pk, conversation.pk),
        "stop_all": link(digest.user.pk),
    }


def _shown(message: Message) -> dict[str, Any]:
    text = several_lines(message.text, length=settings.CHAT_MAIL_TEXT)
    return {
        "sender": one_line(message.sender.name),
        "at": message.created_at,
        "text": text,
        "lines": text.split("\n") if text else [],
        "is_encrypted": bool(message.ciphertext),
        "files": [one_line(str(file.get("name") or file.get("type") or "file")) for file in message.attachments],
    }


def _headers(digest: Digest, stop_all: str) -> dict[str, str]:
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    thread = f"<conversation.{digest.conversation.pk}@{host}>"
    return {
        "Message-ID": f"<notice.{digest.notice.pk}@{host}>",
        "In-Reply-To": thread,
        "References": thread,
        "List-ID": f"<{digest.conversation.pk}.conversations.{host}>",
        "List-Unsubscribe": f"<{stop_all}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",  # RFC 8058
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }


def one_line(text: str, *, length: int = NAME_LENGTH) -> str:
    """Its printable characters, on one line, so many at the most."""
    return _shortened(" ".join(_printable(text).split()), length)


def several_lines(text: str, *, length: int) -> str:
    """The same, line by line."""
    return _shortened("\n".join(map(_printable, text.splitlines())).strip(), length)


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() or one in JOINERS else " " for one in text)


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"
