"""What `manage.py check` says of the chat's settings."""

from collections.abc import Iterable

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.mail import EmailMessage
from django.core.mail.message import sanitize_address


@register("chat")
def check_sender(**_: object) -> Iterable[CheckMessage]:
    """Mail can be sent from DEFAULT_FROM_EMAIL: else every single one would be given up."""
    try:
        sanitize_address(settings.DEFAULT_FROM_EMAIL, settings.DEFAULT_CHARSET)
        EmailMessage(from_email=settings.DEFAULT_FROM_EMAIL).message()
    except ValueError as error:
        hint = "For example: DEFAULT_FROM_EMAIL='Chat <chat@example.org>'"
        return [Error(f"DEFAULT_FROM_EMAIL is no address: {error}", hint=hint, id="chat.E001")]
    return []
