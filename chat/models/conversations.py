"""Conversations, and who is in them."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from uuid_utils.compat import uuid7


class Conversation(models.Model):
    """Two people's (one for each pair), or a group's."""

    class Kind(models.TextChoices):
        """How many can be in it."""

        DIRECT = "direct"
        GROUP = "group"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=10, choices=Kind)
    title = models.CharField(max_length=200, blank=True)
    pair = models.CharField(
        max_length=73, unique=True, null=True, blank=True, editable=False, help_text="Both ids, for a direct one."
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    # Of its title, and of who is in it as what.
    version = models.PositiveBigIntegerField(default=0, db_default=0, editable=False)
    last_position = models.PositiveBigIntegerField(default=0, editable=False)
    last_message_at = models.DateTimeField(null=True, editable=False, db_index=True)
    # Then somebody looks who needs mail about what was said; null when nothing was since the last time.
    mail_due_at = models.DateTimeField(null=True, editable=False)
    members: models.ManyToManyField[Any, "Membership"] = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="Membership", related_name="conversations"
    )

    last_members: set[str]  # no column: of one that is being deleted

    class Meta:
        """Newest first."""

        ordering = ("-id",)
        indexes = [
            models.Index(
                fields=("mail_due_at",),
                condition=models.Q(mail_due_at__isnull=False),
                name="chat_conversation_mail_due",
            )
        ]

    def __str__(self) -> str:
        return self.title or f"{self.kind} {self.pk}"


class Membership(models.Model):
    """One person in one conversation: a model of its own, so that joining and leaving fire signals."""

    class Role(models.TextChoices):
        """What the member may do."""

        OWNER = "owner"
        ADMIN = "admin"
        MEMBER = "member"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.MEMBER)
    joined_at = models.DateTimeField(auto_now_add=True)
    # Whether the member has begun it, or said something in it: then the others are contacts of theirs.
    takes_part = models.BooleanField(default=False, db_default=False, editable=False)
    # What was said up to there was said without this member.
    joined_position = models.PositiveBigIntegerField(default=0, db_default=0, editable=False)
    # Up to which position everything has arrived, or was read; what is read has arrived.
    delivered_position = models.PositiveBigIntegerField(default=0, db_default=0, editable=False)
    read_position = models.PositiveBigIntegerField(default=0, db_default=0, editable=False)
    # Up to which position a mail has told of what is unread.
    mailed_position = models.PositiveBigIntegerField(default=0, db_default=0, editable=False)
    pinned_at = models.DateTimeField(null=True, blank=True, editable=False)
    muted_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        """Once a person, and never two owners."""

        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=("conversation", "user"), name="chat_membership_once"),
            models.UniqueConstraint(
                fields=("conversation",), condition=models.Q(role="owner"), name="chat_membership_one_owner"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.conversation}"

    @property
    def is_muted(self) -> bool:
        """Whether the member wants to hear no sound of it, and no mail, now."""
        return self.muted_until is not None and self.muted_until > timezone.now()
