"""Mails about what was not read."""

from django.db import models
from uuid_utils.compat import uuid7

from chat.models.conversations import Membership


class MailNotice(models.Model):
    """A mail that a member gets, if by then they have not read what has been waiting for them."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    membership = models.ForeignKey(Membership, models.CASCADE, related_name="mail_notices")
    first_position = models.PositiveBigIntegerField(help_text="Of the first unread message.")
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True, blank=True, help_text="Sent, or not needed any more.")
    outcome = models.CharField(max_length=20, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Newest first; one at a time."""

        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=("membership",), condition=models.Q(done_at=None), name="chat_mail_notice_one_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.membership} at {self.due_at}"
