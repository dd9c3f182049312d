"""The lock under which a conversation changes."""

from uuid import UUID

from chat.models import Conversation, Message
from chat.selectors import is_member, visible_messages

Id = UUID | str


def lock(conversation: Id, member: Id) -> Conversation:
    """The conversation, locked to the end of the transaction; DoesNotExist for who is no member."""
    locked = Conversation.objects.select_for_update().get(pk=conversation)
    # A query of its own, after the wait for the lock: the lock's still sees what was before it.
    if not is_member(conversation=locked.pk, user=member):
        raise Conversation.DoesNotExist
    return locked


def lock_message(message: Id, reader: Id) -> Message:
    """One that the reader may see, as it is under the lock of its conversation; Message.DoesNotExist for any other."""
    visible = visible_messages(reader).filter(pk=message)
    conversation = lock(visible.values_list("conversation_id", flat=True).get(), reader)
    found = visible.get()
    found.conversation = conversation
    return found
