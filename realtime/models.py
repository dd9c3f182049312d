"""The core's own tables."""

from django.db import models
from django.db.models.functions import Now


class OutboxEntry(models.Model):
    """Publications of one transaction that have not been sent yet, or not seen to be."""

    body = models.BinaryField(help_text="A JSON list of publications.")
    ready_at = models.DateTimeField(db_index=True, help_text="From then on a relay may take them.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        """Names for people."""

        verbose_name = "outbox entry"
        verbose_name_plural = "outbox"

    def __str__(self) -> str:
        return f"outbox entry {self.pk}"
