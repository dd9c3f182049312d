"""What somebody wants to say, checked as far as that goes without the database."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, TypedDict
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator, URLValidator

from chat.exceptions import TextTooLong

Id = UUID | str

MAX_URL: Final = 2048
MAX_NAME: Final = 255
MAX_NUMBER: Final = 2**53 - 1  # what every client's JSON holds exactly
KIND: Final = re.compile(r"[a-z]{1,20}|[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")

_no_nul = ProhibitNullCharactersValidator()
_is_url = URLValidator(schemes=["http", "https"])


class Content(TypedDict, total=False):
    """What a message may have beside its text. An attachment is `{id}` of an uploaded one, or a link.

    A link is `{url, type, name?, size?, width?, height?, thumbnail_url?}`.
    """

    ciphertext: str | None
    attachments: Sequence[Mapping[str, Any]] | None
    mentions: Sequence[Id] | None
    reply_to_id: Id | None


@dataclass(frozen=True, slots=True)
class Draft:
    """Of the attachments, those uploaded are their ids still."""

    text: str
    ciphertext: str
    attachments: list[dict[str, Any] | UUID]
    mentions: list[UUID]
    reply_to_id: UUID | None


def check(text: str, content: Content) -> Draft:
    """The draft; ValidationError if it cannot be said."""
    attachments = [_attachment(one) for one in content.get("attachments") or ()]
    if len(attachments) > settings.CHAT_MAX_ATTACHMENTS:
        raise ValidationError({"attachments": f"A message has at most {settings.CHAT_MAX_ATTACHMENTS} attachments."})
    uploads = [one for one in attachments if isinstance(one, UUID)]
    if len(set(uploads)) < len(uploads):
        raise ValidationError({"attachments": "An uploaded file is attached once."})
    text, ciphertext = check_words(text, content.get("ciphertext") or "", may_be_empty=bool(attachments))
    mentions = list(dict.fromkeys(UUID(str(user)) for user in content.get("mentions") or ()))
    if len(mentions) > settings.CHAT_MAX_MENTIONS:
        raise ValidationError({"mentions": f"A message mentions at most {settings.CHAT_MAX_MENTIONS} people."})
    reply_to_id = content.get("reply_to_id")
    return Draft(text, ciphertext, attachments, mentions, UUID(str(reply_to_id)) if reply_to_id else None)


def check_words(text: str, ciphertext: str, *, may_be_empty: bool) -> tuple[str, str]:
    """Text or ciphertext, never both; neither only if the message has something else."""
    if len(text) > settings.CHAT_MAX_TEXT:
        raise TextTooLong(settings.CHAT_MAX_TEXT)
    if len(ciphertext) > settings.CHAT_MAX_CIPHERTEXT:
        raise TextTooLong(settings.CHAT_MAX_CIPHERTEXT)
    if text and ciphertext:
        raise ValidationError({"text": "An encrypted message has no text beside its ciphertext."})
    if not (text.strip() or ciphertext.strip() or (may_be_empty and not text and not ciphertext)):
        raise ValidationError({"text": "A message needs some text."})
    _no_nul(text)
    _no_nul(ciphertext)
    return text, ciphertext


def _attachment(sent: Mapping[str, Any]) -> dict[str, Any] | UUID:
    given = {name: value for name, value in sent.items() if value is not None}
    try:
        if "id" in given:
            if len(given) > 1:
                raise ValidationError("What is said of an uploaded file is known here: give its id alone.")
            return _upload(given["id"])
        return _link(given)
    except ValidationError as error:
        raise ValidationError({"attachments": error.messages}) from error


def _upload(given: object) -> UUID:
    try:
        return UUID(str(given))
    except ValueError as error:
        raise ValidationError("An uploaded file is named by the id of its upload.") from error


def _link(given: Mapping[str, Any]) -> dict[str, Any]:
    if not {"url", "type"} <= given.keys():
        raise ValidationError("An attachment is {id}, or {url, type}.")
    link: dict[str, Any] = {"url": _url(given["url"]), "type": _kind(given["type"])}
    if name := given.get("name"):
        link["name"] = _name(name)
    for name in ("size", "width", "height"):
        if (number := given.get(name)) is not None:
            if not 0 <= number <= MAX_NUMBER:
                raise ValidationError(f"{name} is out of range.")
            link[name] = number
    if thumbnail := given.get("thumbnail_url"):
        link["thumbnailUrl"] = _url(thumbnail)
    return link


def _url(url: str) -> str:
    if len(url) > MAX_URL:
        raise ValidationError(f"A URL has at most {MAX_URL} characters.")
    _no_nul(url)
    _is_url(url)
    return url


def _name(name: str) -> str:
    if len(name) > MAX_NAME:
        raise ValidationError(f"A file's name has at most {MAX_NAME} characters.")
    _no_nul(name)
    return name


def _kind(kind: str) -> str:
    """As it was sent; parameters (`audio/webm;codecs=opus`) are not looked at."""
    essence = kind.partition(";")[0].strip().lower()
    is_known = any(fnmatchcase(essence, pattern) for pattern in settings.CHAT_ATTACHMENT_TYPES)
    if len(kind) > MAX_NAME or not kind.isprintable() or not KIND.fullmatch(essence) or not is_known:
        raise ValidationError("An attachment of this type is not allowed here.")
    return kind
