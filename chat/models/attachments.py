"""Uploaded files."""

from django.conf import settings
from django.db import models
from uuid_utils.compat import uuid7

from chat.models.conversations import Conversation
from chat.models.messages import Message


class Attachment(models.Model):
    """A file that somebody uploaded: theirs alone until a message brings it into a conversation."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    uploader = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="attachments")
    conversation = models.ForeignKey(Conversation, models.CASCADE, null=True, blank=True, related_name="files")
    message = models.ForeignKey(Message, models.CASCADE, null=True, blank=True, related_name="files")
    file = models.FileField(upload_to="attachments/%Y/%m/", max_length=300)
    thumbnail = models.FileField(upload_to="thumbnails/%Y/%m/", max_length=300, blank=True)
    name = models.CharField(max_length=255)
    content_type = models.CharField(max_length=127, help_text="By the content, not by the name.")
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    width = models.PositiveIntegerField(null=True, blank=True, help_text="Pixels, of an image.")
    height = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        """Newest first."""

        ordering = ("-id",)

    def __str__(self) -> str:
        return self.name
