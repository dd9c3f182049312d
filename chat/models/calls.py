"""Calls between two people."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils import timezone
from uuid_utils.compat import uuid7

from chat.models.conversations import Conversation

LIVE = ~models.Q(state="ended")


class Call(models.Model):
    """One call: it rings, may be answered, and ends. What is said goes past the server."""

    class State(models.TextChoices):
        """How far it is."""

        RINGING = "ringing"
        ACTIVE = "active"
        ENDED = "ended"

    class End(models.TextChoices):
        """Why it ended: `failed` if a device, a person or what joins the two has gone."""

        HANGUP = "hangup"
        TIMEOUT = "timeout"
        REJECTED = "rejected"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="calls")
    caller = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="calls_made")
    callee = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="calls_received")
    caller_device = models.CharField(max_length=64, editable=False, help_text="The connection that called.")
    callee_device = models.CharField(max_length=64, blank=True, editable=False, help_text="The one that answered.")
    media = models.CharField(max_length=10, default="audio")
    offer = models.TextField(blank=True, editable=False, help_text="The caller's SDP, until it is answered or over.")
    state = models.CharField(max_length=10, choices=State, default=State.RINGING)
    end_reason = models.CharField(max_length=20, choices=End, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    answered_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)

    # No columns: what is told of the change that is being saved.
    answer: str = ""  # the callee's SDP
    words: str = ""  # of who rejects it
    ended_by: str | None = None  # who did that
    ended_on: str = ""  # and on which device

    class Meta:
        """Newest first; one at a time in a conversation."""

        ordering = ("-id",)
        indexes = [
            models.Index(fields=("caller",), condition=LIVE, name="chat_call_live_caller"),
            models.Index(fields=("callee",), condition=LIVE, name="chat_call_live_callee"),
        ]
        constraints = [
            models.UniqueConstraint(fields=("conversation",), condition=LIVE, name="chat_call_one_at_a_time")
        ]

    def __str__(self) -> str:
        return f"{self.caller} calls {self.callee}"

    @property
    def expires_at(self) -> datetime:
        """Until when it rings at most."""
        return self.created_at + timedelta(seconds=settings.CHAT_RING_TIMEOUT)

    @property
    def people(self) -> set[UUID]:
        """The ids of the two."""
        return {self.caller_id, self.callee_id}

    @property
    def devices(self) -> list[str]:
        """The one that calls and, from its answer on, the other."""
        return [device for device in (self.caller_device, self.callee_device) if device]

    @property
    def is_overdue(self) -> bool:
        """Whether it should have ended, though nobody was there to end it."""
        return self.state == self.State.RINGING and self.expires_at <= timezone.now()
