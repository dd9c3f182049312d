"""Where files are to be had. These addresses need a token, or a link that was signed for one person."""

from uuid import UUID

from django.conf import settings


def file_url(attachment: UUID) -> str:
    """Of the file itself."""
    return f"{settings.PUBLIC_URL}/api/attachments/{attachment}/file/"


def thumbnail_url(attachment: UUID) -> str:
    """Of the small picture."""
    return f"{settings.PUBLIC_URL}/api/attachments/{attachment}/thumbnail/"
