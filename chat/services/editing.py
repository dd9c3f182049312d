"""What was said, said otherwise or taken back."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.selectors import blocked_pairs
from chat.models import Conversation, Hidden, Membership, Message, Revision
from chat.services.attachments import delete_files
from chat.services.drafts import check_words
from chat.services.locking import lock, lock_message
from chat.services.messages import require_no_block

Id = UUID | str


@transaction.atomic
def edit_message(*, actor_id: Id, message_id: Id, text: str | None = None, ciphertext: str | None = None) -> Message:
    """Say it otherwise, as its sender, in time; what it said lately is kept. The same words again change nothing."""
    message = lock_message(message_id, actor_id)
    if message.sender_id != UUID(str(actor_id)):
        raise PermissionDenied("Only its sender may edit a message.")
    require_no_block(message.conversation, actor_id)
    words = _other_words(message, text, ciphertext)
    if words == (message.text, message.ciphertext):
        return message
    _require_time(message)
    _keep(message)
    message.text, message.ciphertext = words
    message.edited_at = next_edit(message)
    message.save(update_fields=["text", "ciphertext", "edited_at"])
    return message


def _keep(message: Message) -> None:
    Revision.objects.create(message=message, text=message.text, ciphertext=message.ciphertext)
    newest_first = message.revisions.order_by("-id").values("pk")
    message.revisions.filter(pk__in=newest_first[settings.CHAT_MAX_REVISIONS :]).delete()


def next_edit(message: Message) -> datetime:
    """Now, but later than its last edit as clients see that, whatever the clocks say: by this they know the later."""
    before = message.edited_at or message.created_at
    return max(timezone.now(), before + timedelta(milliseconds=1))


def _other_words(message: Message, text: str | None, ciphertext: str | None) -> tuple[str, str]:
    if text is None and ciphertext is None:
        raise ValidationError({"text": "Say what the message is to say."})
    words = check_words(text or "", ciphertext or "", may_be_empty=bool(message.attachments))
    if bool(message.ciphertext) != bool(words[1]) and (message.text or message.ciphertext):
        raise ValidationError({"text": "An encrypted message stays encrypted, and another one readable."})
    return words


def _require_time(message: Message) -> None:
    window = settings.CHAT_EDIT_WINDOW
    if window and timezone.now() - message.created_at > timedelta(seconds=window):
        raise PermissionDenied(f"A message can be edited for {window} seconds.")


@transaction.atomic
def delete_message(*, actor_id: Id, message_id: Id, for_everyone: bool | None = None) -> None:
    """Delete it for all or for oneself; not said which: one's own for all. Again, nothing happens.

    Who owns or administers a group may delete for all what others said there.
    """
    known = _deletable(actor_id).filter(pk=message_id)
    conversation = lock(known.values_list("conversation_id", flat=True).get(), actor_id)
    message = known.get()
    message.conversation = conversation
    is_own = message.sender_id == UUID(str(actor_id))
    if message.deleted_at is not None:
        return
    if not (is_own if for_everyone is None else for_everyone):
        Hidden.objects.get_or_create(message=message, user_id=actor_id)
    elif is_own or _moderates(actor_id, conversation):
        take_back(message)
    else:
        raise PermissionDenied("Only its sender, or who runs the group, may delete a message for all.")


def _deletable(actor: Id) -> QuerySet[Message]:
    """Also what has been deleted, so that deleting it again is no error."""
    members_own = Message.objects.filter(conversation__memberships__user_id=actor)
    return members_own.exclude(sender__in=blocked_pairs(actor))


def _moderates(actor: Id, conversation: Conversation) -> bool:
    roles = (Membership.Role.OWNER, Membership.Role.ADMIN)
    is_group = conversation.kind == Conversation.Kind.GROUP
    return is_group and conversation.memberships.filter(user_id=actor, role__in=roles).exists()


def take_back(message: Message) -> None:
    """Delete it for all, under its conversation's lock.

    Its place stays, and its `temp_id`, so that a late repetition does not say it once more.
    """
    message.deleted_at = timezone.now()
    message.text = message.ciphertext = ""
    message.attachments, message.mentions = [], []
    message.edited_at = message.reply_to = None
    fields = ["deleted_at", "text", "ciphertext", "attachments", "mentions", "edited_at", "reply_to"]
    message.save(update_fields=fields)
    message.revisions.all().delete()
    message.reactions.all().delete()
    delete_files(message)
