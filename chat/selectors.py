"""Every read that depends on the reader: fetched and authorized in one step."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Case, F, Prefetch, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.selectors import blocked_pairs
from chat.models import Call, Conversation, Membership, Message

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
    """Memberships with their users; `online` is told of nobody whom a block parts from the reader."""
    hidden = When(user__in=blocked_pairs(reader), then=Value(False))
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


def calls_of(
    reader: Id, *, conversation: Id | None = None, state: str | None = None, missed: bool | None = None
) -> QuerySet[Call]:
    """The reader's calls, but with people whom a block parts from the reader; only those that are asked for.

    `shown_state` and `shown_reason` are those of a call that has rung for long enough, too, though nobody was there
    to end it; `missed` is whether the reader was called and neither answered nor rejected it.
    """
    parted = blocked_pairs(reader)
    begun = timezone.now() - timedelta(seconds=settings.CHAT_RING_TIMEOUT)
    overdue = Q(state=Call.State.RINGING, created_at__lte=begun)
    calls = Call.objects.filter(Q(caller=reader) | Q(callee=reader))
    shown = calls.exclude(Q(caller__in=parted) | Q(callee__in=parted)).annotate(
        shown_state=Case(When(overdue, then=Value(Call.State.ENDED)), default=F("state")),
        shown_reason=Case(When(overdue, then=Value(Call.End.TIMEOUT)), default=F("end_reason")),
        missed=Case(
            When(Q(callee=reader, answered_at=None) & ~Q(shown_reason__in=["", Call.End.REJECTED]), then=Value(True)),
            default=Value(False),
        ),
    )
    asked = {"conversation": conversation, "shown_state": state, "missed": missed}
    return shown.filter(**{name: value for name, value in asked.items() if value is not None})


def get_call(reader: Id, call: Id) -> Call:
    """One of the reader's; Call.DoesNotExist for any other."""
    return calls_of(reader).get(pk=call)


def calls_awaiting(user: Id) -> QuerySet[Call]:
    """Whoever is calling the user right now, who was not there when it began to ring."""
    return calls_of(user, state=Call.State.RINGING).filter(callee__pk=user, awaited=True)
