"""Every write of notifications."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.models import User
from notifications.models import Announcement


@transaction.atomic
def announce(*, author_id: UUID | str, title: str, message: str, level: str = Announcement.Level.INFO) -> Announcement:
    """Tell everybody who is connected; staff alone may."""
    author = User.objects.get(pk=author_id)
    if not author.is_staff:
        raise PermissionDenied("Only staff may announce.")
    announcement = Announcement(title=title, message=message, level=level, created_by=author)
    announcement.full_clean()
    announcement.save()
    return announcement
