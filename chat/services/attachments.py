"""Uploaded files, on their way into a conversation."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError

from chat.models import Conversation


def claim(uploader: UUID | str, conversation: Conversation, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """Bring the uploader's own files into a conversation: what is told of each, in this order."""
    if ids:
        raise ValidationError({"attachments": "There is no such file of yours, or it was sent already."})
    return []
