"""Calls between two people."""

from django.conf import settings
from django.db import models
from uuid_utils.compat import uuid7

from chat.models.conversations import Conversation


class Call(models.Model):
    """One call: it rings, may be answered, and ends. What is said goes past the server."""

    class State(models.TextChoices):
        """How far it is."""

        RINGING = "ringing"
        ACTIVE = "active"
        ENDED = "ended"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="calls")
    caller = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="calls_made")
    callee = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="calls_received")
    caller_device = models.CharField(max_length=64, editable=False, help_text="The connection that called.")
    callee_device = models.CharField(max_length=64, blank=True, editable=False, help_text="The one that answered.")
    media = models.CharField(max_length=10, default="audio")
    state = models.CharField(max_length=10, choices=State, default=State.RINGING)
    end_reason = models.CharField(max_length=20, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    answered_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        """Newest first; one at a time in a conversation."""

        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=("conversation",), condition=~models.Q(state="ended"), name="chat_call_one_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.caller} calls {self.callee}"
