"""What is said."""

from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.exceptions import Blocked
from accounts.models import User
from accounts.selectors import are_blocked
from chat.exceptions import TextTooLong
from chat.models import Conversation, Message
from chat.services.locking import lock
from chat.services.mail import note_message

Id = UUID | str


@transaction.atomic
def send_message(
    *, sender_id: Id, conversation_id: Id, text: str, temp_id: str | None = None, acknowledge: bool = False
) -> Message:
    """Say something. The same `temp_id` again says nothing new: the first message comes back.

    With `acknowledge` all of the sender's devices are told of the `temp_id`, not only the one that asked.
    """
    text = _clean(text)
    ProhibitNullCharactersValidator()(temp_id)
    conversation = lock(conversation_id, sender_id)
    if temp_id and (known := _sent(sender_id, temp_id)):
        return known
    _require_no_block(conversation, sender_id)
    conversation.last_position += 1
    conversation.last_message_at = timezone.now()
    message = Message(
        conversation=conversation,
        sender_id=sender_id,
        text=text,
        temp_id=temp_id or None,
        position=conversation.last_position,
    )
    message.acknowledges = acknowledge
    try:
        with transaction.atomic():
            conversation.save(update_fields=["last_position", "last_message_at"])
            message.save(force_insert=True)
    except IntegrityError:
        # Another device used this temp_id at the same moment, in another conversation.
        if temp_id and (known := _sent(sender_id, temp_id)):
            return known
        raise
    note_message(message)
    return message


def _sent(sender: Id, temp_id: str) -> Message | None:
    return Message.objects.filter(sender_id=UUID(str(sender)), temp_id=temp_id).select_related("sender").first()


def _clean(text: str) -> str:
    if len(text) > settings.CHAT_MAX_TEXT:
        raise TextTooLong(settings.CHAT_MAX_TEXT)
    if not text.strip():
        raise ValidationError({"text": "A message needs some text."})
    ProhibitNullCharactersValidator()(text)
    return text


def _require_no_block(conversation: Conversation, sender: Id) -> None:
    if conversation.kind == Conversation.Kind.DIRECT:
        other = User.objects.filter(memberships__conversation=conversation).exclude(pk=sender).first()
        if other is not None and are_blocked(sender, other.pk):
            raise Blocked("You cannot write to this person.")
