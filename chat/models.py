"""Conversations, who is in them, and what was said."""

from typing import Any

from django.conf import settings
from django.db import models
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
    last_position = models.PositiveBigIntegerField(default=0, editable=False)
    last_message_at = models.DateTimeField(null=True, editable=False, db_index=True)
    members: models.ManyToManyField[Any, "Membership"] = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="Membership", related_name="conversations"
    )

    class Meta:
        """Newest first."""

        ordering = ("-id",)

    def __str__(self) -> str:
        return self.title or f"{self.kind} {self.pk}"


class Membership(models.Model):
    """One person in one conversation: a model of its own, so that joining and leaving fire signals."""

    class Role(models.TextChoices):
        """What the member may do."""

        OWNER = "owner"
        MEMBER = "member"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.MEMBER)
    joined_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Once a person."""

        ordering = ("id",)
        constraints = [models.UniqueConstraint(fields=("conversation", "user"), name="chat_membership_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.conversation}"


class Message(models.Model):
    """What one member said. `position` counts within the conversation, in the order of commits."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="messages")
    # Whoever has said something is deactivated, not deleted: the others keep their history.
    sender = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="messages")
    text = models.TextField()
    temp_id = models.CharField(max_length=64, null=True, blank=True, editable=False)  # noqa: DJ001 -- null is not unique
    position = models.PositiveBigIntegerField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    acknowledges: bool = False  # no column: whether all of the sender's devices are told that it is stored

    class Meta:
        """A position is one message's, and so is a sender's temporary id."""

        ordering = ("conversation", "position")
        constraints = [
            models.UniqueConstraint(fields=("conversation", "position"), name="chat_message_position"),
            models.UniqueConstraint(fields=("sender", "temp_id"), name="chat_message_once"),
        ]

    def __str__(self) -> str:
        return f"{self.sender}: {self.text[:40]}"
