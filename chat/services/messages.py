"""What is said."""

from typing import Any, Unpack
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.db import IntegrityError, transaction

from accounts.exceptions import Blocked
from accounts.models import User
from accounts.selectors import are_blocked
from chat.models import Conversation, Message
from chat.selectors import member_ids, parted_from, visible_messages
from chat.services import attachments
from chat.services.conversations import take_part
from chat.services.drafts import Content, Draft, check
from chat.services.locking import lock
from chat.services.mail import note_message

Id = UUID | str


@transaction.atomic
def send_message(
    *,
    sender_id: Id,
    conversation_id: Id,
    text: str = "",
    temp_id: str | None = None,
    acknowledge: bool = False,
    **content: Unpack[Content],
) -> Message:
    """Say something. The same `temp_id` again says nothing new: the first message comes back.

    With `acknowledge` all of the sender's devices are told of the `temp_id`, not only the one that asked.
    """
    draft = check(text, content)
    ProhibitNullCharactersValidator()(temp_id)
    conversation = lock(conversation_id, sender_id)
    if temp_id and (known := _sent(sender_id, temp_id)):
        return known
    require_no_block(conversation, sender_id)
    message = Message(conversation=conversation, sender_id=sender_id, temp_id=temp_id or None)
    message.acknowledges = acknowledge
    try:
        with transaction.atomic():
            _store(message, draft)
    except (IntegrityError, ValidationError):
        # Another device used this temp_id (and its files) at the same moment, in another conversation.
        if temp_id and (known := _sent(sender_id, temp_id)):
            return known
        raise
    note_message(message)
    take_part(conversation, sender_id)
    return message


def _store(message: Message, draft: Draft) -> None:
    conversation = message.conversation
    message.text, message.ciphertext = draft.text, draft.ciphertext
    message.reply_to = _answered(message, draft.reply_to_id)
    message.mentions = _mentioned(message, draft.mentions)
    message.attachments = _attached(message, draft)
    message.position = conversation.last_position + 1
    message.save(force_insert=True)
    conversation.last_position, conversation.last_message_at = message.position, message.created_at
    conversation.save(update_fields=["last_position", "last_message_at"])
    attachments.bind(message)


def _sent(sender: Id, temp_id: str) -> Message | None:
    return Message.objects.filter(sender_id=UUID(str(sender)), temp_id=temp_id).select_related("sender").first()


def _answered(message: Message, reply_to_id: UUID | None) -> Message | None:
    if reply_to_id is None:
        return None
    answered = visible_messages(message.sender_id).filter(conversation=message.conversation, pk=reply_to_id).first()
    if answered is None:
        raise ValidationError({"reply_to_id": "There is no such message in this conversation."})
    return answered


def _mentioned(message: Message, people: list[UUID]) -> list[str]:
    """Members; those whom a block parts from the sender are left out in silence, as if they had not been named."""
    if not people:
        return []
    if missing := {str(user) for user in people} - member_ids(message.conversation_id):
        raise ValidationError({"mentions": f"Not to be mentioned here: {', '.join(sorted(missing))}."})
    parted = parted_from(message.sender_id, message.conversation_id)
    return [str(user) for user in people if str(user) not in parted]


def _attached(message: Message, draft: Draft) -> list[dict[str, Any]]:
    """In the order in which they were given, whether uploaded or linked."""
    ids = [one for one in draft.attachments if isinstance(one, UUID)]
    claimed = (
        attachments.claim(uploader_id=message.sender_id, conversation=message.conversation, ids=ids) if ids else []
    )
    uploads = iter(claimed)
    return [next(uploads) if isinstance(one, UUID) else one for one in draft.attachments]


def require_no_block(conversation: Conversation, sender: Id) -> None:
    """Nothing is said in a direct conversation whose two people a block parts; Blocked."""
    if conversation.kind == Conversation.Kind.DIRECT:
        other = User.objects.filter(memberships__conversation=conversation).exclude(pk=sender).first()
        if other is not None and are_blocked(sender, other.pk):
            raise Blocked("You cannot write to this person.")
