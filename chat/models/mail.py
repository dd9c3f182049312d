"""Mails about what was not read."""

from django.conf import settings
from django.db import models
from uuid_utils.compat import uuid7

from chat.models.conversations import Membership


class MailNotice(models.Model):
    """A mail that a member gets, if by then they have not read what has been waiting for them."""

    class Outcome(models.TextChoices):
        """What became of it."""

        SENT = "sent"
        READ = "read", "Nothing unread any more"
        ONLINE = "online", "A device was there"
        MUTED = "muted"
        OFF = "off", "No mail wanted, or no confirmed address"
        REFUSED = "refused", "Refused for good"
        FAILED = "failed", "Given up"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    membership = models.ForeignKey(Membership, models.CASCADE, related_name="mail_notices")
    first_position = models.PositiveBigIntegerField(help_text="Of the first unread message.")
    due_at = models.DateTimeField(help_text="Not before; while it is being sent: when it is taken for lost.")
    attempts = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True, blank=True, help_text="Sent, or not needed any more.")
    outcome = models.CharField(max_length=20, choices=Outcome, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Newest first; one at a time."""

        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=("membership",), condition=models.Q(done_at=None), name="chat_mail_notice_one_at_a_time"
            )
        ]
        indexes = [models.Index(fields=("due_at",), condition=models.Q(done_at=None), name="chat_mail_notice_due")]

    def __str__(self) -> str:
        return f"{self.membership} at {self.due_at}"


class Departure(models.Model):
    """Somebody's last device has gone: after the quiet period they may get mail about what they left unread.

    `last_seen_at` would not do: it tells others nothing of who is invisible.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="chat_departure"
    )
    at = models.DateTimeField(db_index=True)

    class Meta:
        """The longest gone first."""

        ordering = ("at",)

    def __str__(self) -> str:
        return f"{self.user} at {self.at}"
