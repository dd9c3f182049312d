"""Every read that depends on the reader: fetched and authorized in one step."""

from uuid import UUID

from django.db.models import Case, F, Prefetch, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from accounts.presence import unseen_by_contacts
from accounts.selectors import blocked_pairs
from chat.models import Conversation, Membership, Message

Id = UUID | str


def is_member(*, conversation: Id, user: Id) -> bool:
    """Whether the user is in the conversation; no id of a conversation is an error here."""
    try:
        return Membership.objects.filter(conversation_id=UUID(str(conversation)), user_id=user).exists()
    except ValueError:
        return False


def conversations_of(reader: Id) -> QuerySet[Conversation]:
    """The reader's conversations with their members."""
    members = Prefetch("memberships", _shown_to(reader).order_by("id"))
    return (
        Conversation.objects.filter(memberships__user_id=reader)
        .annotate(active_at=Coalesce("last_message_at", "created_at"))
        .prefetch_related(members)
    )


def get_conversation(reader: Id, conversation: Id) -> Conversation:
    """One of the reader's; Conversation.DoesNotExist for any other."""
    return conversations_of(reader).get(pk=conversation)


def members_of(reader: Id, conversation: Id) -> QuerySet[Membership]:
    """Who is in a conversation of the reader's; Conversation.DoesNotExist for any other."""
    if not is_member(conversation=conversation, user=reader):
        raise Conversation.DoesNotExist
    return _shown_to(reader).filter(conversation_id=conversation)


def get_member(reader: Id, conversation: Id, user: Id) -> Membership:
    """One of the `members_of` a conversation."""
    return members_of(reader, conversation).get(user_id=user)


def _shown_to(reader: Id) -> QuerySet[Membership]:
    """Memberships with their users; `online` is told of nobody who hides it, or whom a block parts from the reader."""
    is_hidden = Q(user__in=blocked_pairs(reader)) | unseen_by_contacts(reader, "user__")
    hidden = When(is_hidden, then=Value(False))
    return Membership.objects.select_related("user").annotate(online=Case(hidden, default=F("user__is_online")))


def messages_of(reader: Id, conversation: Id) -> QuerySet[Message]:
    """What was said in a conversation of the reader's, but by people whom a block parts from the reader."""
    if not is_member(conversation=conversation, user=reader):
        raise Conversation.DoesNotExist
    return (
        Message.objects.filter(conversation_id=conversation)
        .exclude(sender__in=blocked_pairs(reader))
        .select_related("sender")
    )


def conversation_ids_of(user: Id) -> list[UUID]:
    """Where the user is a member."""
    return list(Membership.objects.filter(user_id=user).values_list("conversation_id", flat=True))
