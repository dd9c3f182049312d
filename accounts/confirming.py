"""Whether an address is somebody's own: a letter with a link, signed for that person and that address."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.links import signed
from accounts.models import User

SALT: Final = "accounts.email.confirm"


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose address it is."""

    user_id: UUID
    email: str


def link(user: User) -> str:
    """The address of the page, as it stands in the letter."""
    token = signing.dumps([user.pk.hex, user.email], salt=SALT)
    return signed(f"{settings.PUBLIC_URL}{reverse('confirm-email')}", token)


def read(token: str) -> Claim:
    """What a link claims; signing.SignatureExpired for an old one, signing.BadSignature for any other."""
    user_id, email = signing.loads(token, salt=SALT, max_age=timedelta(days=settings.EMAIL_CONFIRM_DAYS))
    return Claim(UUID(user_id), email)


def compose(user: User) -> EmailMessage:
    """The letter, without a word that anybody has chosen: perhaps it goes to somebody who knows nothing of it."""
    site = urlsplit(settings.PUBLIC_URL).hostname
    return EmailMessage(
        subject=f"Is this your address? ({site})",
        body=render_to_string("accounts/mail/confirm.txt", {"site": site, "url": link(user)}),
        to=[user.email],
        headers={"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"},
    )
