"""What staff take out of conversations that they need not be in. Clients hear of it as of any other change."""

from uuid import UUID

from django.db import transaction

from chat.exceptions import UploadInUse
from chat.models import Attachment, Conversation, Message
from chat.services.editing import next_edit, take_back

Id = UUID | str


@transaction.atomic
def delete_for_all(*, message_id: Id) -> None:
    """Delete a message as its sender would, for all. Again, nothing happens."""
    message = _lock(message_id)
    if message.deleted_at is None:
        take_back(message)


@transaction.atomic
def delete_attachment(*, attachment_id: Id) -> None:
    """Take a file away, and out of its message, which says what else it said; if that is nothing, it is deleted.

    UploadInUse for an upload that is sent with a message in this very moment.
    """
    message_id = Attachment.objects.only("message").get(pk=attachment_id).message_id
    if message_id is None:
        _delete_unsent(attachment_id)
        return
    message = _lock(message_id)
    left = [one for one in message.attachments if one.get("id") != str(attachment_id)]
    if not (message.text or message.ciphertext or left or message.deleted_at):
        take_back(message)
        return
    message.attachments, message.edited_at = left, next_edit(message)
    message.save(update_fields=["attachments", "edited_at"])
    Attachment.objects.get(pk=attachment_id).delete()


def _delete_unsent(attachment: Id) -> None:
    # The lock that sending takes. To wait for the conversation's with this one held could wait for ever.
    unsent = Attachment.objects.select_for_update().filter(pk=attachment, message=None).first()
    if unsent is None:
        raise UploadInUse
    unsent.delete()


def _lock(message: Id) -> Message:
    known = Message.objects.filter(pk=message)
    conversation = Conversation.objects.select_for_update().get(
        pk=known.values_list("conversation_id", flat=True).get()
    )
    # A query of its own, after the wait for the lock: the lock's still sees what was before it.
    found = known.get()
    found.conversation = conversation
    return found
