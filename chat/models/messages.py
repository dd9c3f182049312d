"""What was said, and what became of it."""

from typing import Any

from django.conf import settings
from django.db import models
from uuid_utils.compat import uuid7

from chat.models.conversations import Conversation

EMPTY_LIST = models.Value([], output_field=models.JSONField())


class Message(models.Model):
    """What one member said. `position` counts within the conversation, in the order of commits.

    One that was deleted for all keeps its place and nothing else.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="messages")
    # Whoever has said something is deactivated, not deleted: the others keep their history.
    sender = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="messages")
    text = models.TextField(blank=True)
    ciphertext = models.TextField(
        blank=True, default="", db_default="", help_text="Encrypted end to end: stored and relayed, never read."
    )
    attachments: models.JSONField[Any, Any] = models.JSONField(default=list, db_default=EMPTY_LIST, blank=True)
    mentions: models.JSONField[Any, Any] = models.JSONField(default=list, db_default=EMPTY_LIST, blank=True)
    reply_to = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="replies")
    temp_id = models.CharField(max_length=64, null=True, blank=True, editable=False)  # noqa: DJ001 -- null is not unique
    position = models.PositiveBigIntegerField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    edited_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

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


class Revision(models.Model):
    """What a message said before it was edited."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    message = models.ForeignKey(Message, models.CASCADE, related_name="revisions")
    text = models.TextField(blank=True)
    ciphertext = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """The oldest first."""

        ordering = ("id",)

    def __str__(self) -> str:
        return self.text[:40]


class Hidden(models.Model):
    """A message that one member deleted for themselves alone."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    message = models.ForeignKey(Message, models.CASCADE, related_name="hidden")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")

    class Meta:
        """Once a person."""

        verbose_name_plural = "hidden"
        constraints = [models.UniqueConstraint(fields=("message", "user"), name="chat_hidden_once")]

    def __str__(self) -> str:
        return f"{self.message_id} for {self.user_id}"


class Reaction(models.Model):
    """An emoji that a member put under a message."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    message = models.ForeignKey(Message, models.CASCADE, related_name="reactions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="reactions")
    emoji = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """One person, one emoji, once."""

        ordering = ("id",)
        constraints = [models.UniqueConstraint(fields=("message", "user", "emoji"), name="chat_reaction_once")]

    def __str__(self) -> str:
        return f"{self.emoji} by {self.user_id}"
