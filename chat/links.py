"""Where files are to be had. These addresses need a token, or a link that was signed for one person."""

from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings


def file_url(attachment: UUID) -> str:
    """Of the file itself."""
    return f"{settings.PUBLIC_URL}/api/attachments/{attachment}/file/"


def thumbnail_url(attachment: UUID) -> str:
    """Of the small picture."""
    return f"{settings.PUBLIC_URL}/api/attachments/{attachment}/thumbnail/"


def signed(url: str, token: str) -> str:
    """With the token of a link; what is named so is taken out of every line of the log."""
    return f"{url}?{urlencode({'token': token})}"
