"""The lock under which a conversation changes."""

from uuid import UUID

from chat.models import Conversation
from chat.selectors import is_member

Id = UUID | str


def lock(conversation: Id, member: Id) -> Conversation:
    """The conversation, locked to the end of the transaction; DoesNotExist for who is no member."""
    locked = Conversation.objects.select_for_update().get(pk=conversation)
    # A query of its own, after the wait for the lock: the lock's still sees what was before it.
    if not is_member(conversation=locked.pk, user=member):
        raise Conversation.DoesNotExist
    return locked
