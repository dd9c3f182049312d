"""Announcements."""

from django.conf import settings
from django.db import models
from uuid_utils.compat import uuid7


class Announcement(models.Model):
    """Something that everybody who is connected is told, once."""

    class Level(models.TextChoices):
        """How a client shows it."""

        INFO = "info"
        WARNING = "warning"
        CRITICAL = "critical"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    title = models.CharField(max_length=200)
    message = models.TextField(max_length=2000)
    level = models.CharField(max_length=10, choices=Level, default=Level.INFO)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Newest first."""

        ordering = ("-id",)

    def __str__(self) -> str:
        return self.title
