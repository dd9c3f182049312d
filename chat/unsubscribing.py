"""Links that end mail, without a log-in: signed, for one person and perhaps one conversation."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.urls import reverse

from accounts.links import signed

SALT: Final = "chat.mail.unsubscribe"


@dataclass(frozen=True, slots=True)
class Wish:
    """Whose mail is to end; of one conversation, or all."""

    user_id: UUID
    conversation_id: UUID | None = None


def link(user_id: UUID, conversation_id: UUID | None = None) -> str:
    """The address, as it stands in a mail."""
    ids = [user_id, conversation_id] if conversation_id else [user_id]
    token = signing.dumps([identifier.hex for identifier in ids], salt=SALT)
    return signed(f"{settings.PUBLIC_URL}{reverse('unsubscribe')}", token)


def read(token: str) -> Wish:
    """What a link asks for; signing.SignatureExpired for an old one, signing.BadSignature for any other."""
    ids = signing.loads(token, salt=SALT, max_age=timedelta(days=settings.CHAT_MAIL_LINK_DAYS))
    return Wish(*map(UUID, ids))
