"""What a conversation is to one of its members alone."""

from datetime import datetime
from enum import Enum
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from chat.models import Membership
from chat.services.locking import lock

Id = UUID | str


class _Same(Enum):
    SAME = "same"


SAME: Final = _Same.SAME
"""What is not given stays as it is."""


@transaction.atomic
def set_preferences(
    *, user_id: Id, conversation_id: Id, pinned: bool | _Same = SAME, muted_until: datetime | _Same | None = SAME
) -> Membership:
    """Pin a conversation for oneself, or mute it for a time; a time that is over unmutes it."""
    # Under the lock: what its devices are told holds the rest of the conversation as well.
    membership = lock(conversation_id, user_id).memberships.get(user_id=user_id)
    changed = []
    if pinned is not SAME and pinned != (membership.pinned_at is not None):
        membership.pinned_at = timezone.now() if pinned else None
        changed.append("pinned_at")
    if muted_until is not SAME:
        is_ahead = muted_until is not None and muted_until > timezone.now()
        membership.muted_until = muted_until if is_ahead else None
        changed.append("muted_until")
    if changed:
        membership.save(update_fields=changed)
    return membership
