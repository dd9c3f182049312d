"""Every read that depends on the reader: fetched and authorized in one step."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import (
    BooleanField,
    Case,
    Count,
    DateTimeField,
    Exists,
    Expression,
    ExpressionWrapper,
    F,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    UUIDField,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.presence import unseen_by
from accounts.selectors import blocked_pairs, blocked_pairs_of, blocks_between
from chat.models import Attachment, Call, Conversation, Hidden, Membership, Message, Reaction, Revision

Id = UUID | str


def is_member(*, conversation: Id, user: Id) -> bool:
    """Whether the user is in the conversation; no id of a conversation is an error here."""
    try:
        return Membership.objects.filter(conversation_id=UUID(str(conversation)), user_id=user).exists()
    except ValueError:
        return False


def conversations_of(reader: Id) -> QuerySet[Conversation]:
    """The reader's conversations with their members, and with what they are to the reader alone.

    By descending `place` the pinned ones come first, and the liveliest of these and of the others.
    """
    members = Prefetch("memberships", _shown_to(reader).order_by("id"))
    is_pinned = Q(memberships__pinned_at__isnull=False)  # of the reader's own membership: the filter's join
    active_at = Coalesce("last_message_at", "created_at")
    return (
        Conversation.objects.filter(memberships__user_id=reader)
        .annotate(
            active_at=active_at,
            pinned=ExpressionWrapper(is_pinned, output_field=BooleanField()),
            muted_until=F("memberships__muted_until"),
            # One moment, not two columns: a cursor has one position.
            place=Case(When(is_pinned, then=_above(active_at)), default=active_at),
            unread_count=_unread_in(OuterRef("pk"), reader),
        )
        .prefetch_related(members)
    )


def _above(moment: Coalesce) -> Expression:
    """Later than every moment, in the same order."""
    return ExpressionWrapper(moment + Value(timedelta(days=400_000)), output_field=DateTimeField())


def named(conversations: QuerySet[Conversation], reader: Id, text: str) -> QuerySet[Conversation]:
    """Those with the text in their title, or in the name of a member whom no block parts from the reader."""
    names = Q(user__username__icontains=text) | Q(user__display_name__icontains=text)
    people = Membership.objects.filter(names, conversation=OuterRef("pk")).exclude(
        user__in={str(reader), *blocked_pairs(reader)}
    )
    return conversations.filter(Q(title__icontains=text) | Exists(people))


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
    is_hidden = Q(user__in=blocked_pairs(reader)) | unseen_by(reader, "user__")
    hidden = When(is_hidden, then=Value(False))
    return Membership.objects.select_related("user").annotate(online=Case(hidden, default=F("user__is_online")))


def visible_messages(reader: Id) -> QuerySet[Message]:
    """What the reader may see: said where they are a member, by nobody whom a block parts from them, not deleted."""
    return _visible(reader, blocked_pairs(reader))


def _visible(reader: Any, parted: Any, **more: Any) -> QuerySet[Message]:
    # `more` belongs into the one filter(): what it says of memberships is of the reader's own.
    messages = Message.objects.filter(conversation__memberships__user_id=reader, deleted_at=None, **more)
    return messages.exclude(sender__in=parted).exclude(hidden__user_id=reader)


def unread_messages(reader: Any) -> QuerySet[Message]:
    """What others said and the reader, an id or an OuterRef to one, has not read."""
    inner = OuterRef(reader) if isinstance(reader, OuterRef) else reader
    not_read = {"position__gt": F("conversation__memberships__read_position")}
    return _visible(reader, blocked_pairs_of(inner), **not_read).exclude(sender_id=reader)


def _unread_in(conversation: OuterRef, reader: Id) -> Coalesce:
    messages = unread_messages(reader).filter(conversation=conversation).order_by().values("conversation")
    return Coalesce(Subquery(messages.annotate(count=Count("pk")).values("count")), 0)


def messages_of(reader: Id, conversation: Id) -> QuerySet[Message]:
    """What the reader may see in a conversation of theirs, with reactions; Conversation.DoesNotExist for any other."""
    if not is_member(conversation=conversation, user=reader):
        raise Conversation.DoesNotExist
    return shown_messages(reader).filter(conversation_id=conversation)


def get_message(reader: Id, message: Id) -> Message:
    """One that the reader may see, with reactions; Message.DoesNotExist for any other."""
    return shown_messages(reader).get(pk=message)


def shown_messages(reader: Id) -> QuerySet[Message]:
    """What the reader may see anywhere, with reactions and with what it answers."""
    parted = blocked_pairs(reader)
    return _with_answers(_visible(reader, parted), parted)


def get_own_message(sender: Id, message: Id) -> Message:
    """One of the sender's, also if it was deleted meanwhile: an answer to who has just sent or changed it."""
    return _with_answers(Message.objects.filter(sender=UUID(str(sender))), blocked_pairs(sender)).get(pk=message)


def _with_answers(messages: QuerySet[Message], parted: set[str]) -> QuerySet[Message]:
    """With reactions, and with `answers_to`, but nothing of people whom a block parts from the reader."""
    unseen = When(reply_to__sender__in=parted, then=Value(None))
    answers_to = Case(unseen, default=F("reply_to_id"), output_field=UUIDField())
    reactions = Prefetch("reactions", Reaction.objects.exclude(user__in=parted))
    return messages.annotate(answers_to=answers_to).prefetch_related(reactions)


def reactions_of(reader: Id, message: Id) -> QuerySet[Reaction]:
    """Of a message that the reader may see; Message.DoesNotExist for any other."""
    found = visible_messages(reader).get(pk=message)
    return found.reactions.exclude(user__in=blocked_pairs(reader))


def revisions_of(reader: Id, message: Id) -> QuerySet[Revision]:
    """What a message that the reader may see said before; Message.DoesNotExist for any other."""
    return visible_messages(reader).get(pk=message).revisions.all()


def message_context(reader: Id, conversations: Iterable[Id] = ()) -> dict[str, Any]:
    """With what the reader's messages are shown.

    `parted` are those whom a block parts from the reader; `read_positions` what every other member has read in these
    conversations. What was said before somebody joined was not read by them, though it is not unread to them either.
    """
    parted, read = blocked_pairs(reader), defaultdict[UUID, dict[UUID, range]](dict)
    shared = {"conversation__in": set(conversations), "conversation__memberships__user_id": reader}
    members = Membership.objects.filter(**shared).exclude(user__in=parted)
    for one in members.only("conversation_id", "user_id", "joined_position", "read_position"):
        read[one.conversation_id][one.user_id] = range(one.joined_position + 1, one.read_position + 1)
    return {"parted": parted, "read_positions": read}


# -- what the members of a conversation see differently; for those who tell them --------------------------------


def member_ids(conversation: Id) -> set[str]:
    """Everybody in a conversation."""
    return set(map(str, Membership.objects.filter(conversation_id=conversation).values_list("user_id", flat=True)))


def not_seeing(message: Message) -> set[str]:
    """Who does not see the message: those whom a block parts from its sender, and who deleted it for themselves."""
    hidden = Hidden.objects.filter(message=message).values_list("user_id", flat=True)
    return parted_from(message.sender_id, message.conversation_id) | set(map(str, hidden))


def parted_from(user: Id, conversation: Id) -> set[str]:
    """The members whom a block parts from the user, who may have blocked half the world."""
    return set(parted_members(conversation, {str(user)}))


def parted_members(conversation: Id, people: Iterable[str]) -> dict[str, set[str]]:
    """The members whom blocks part from any of these people, and from whom of them."""
    people = set(people)
    members = Membership.objects.filter(conversation_id=conversation).values("user_id")
    parted: defaultdict[str, set[str]] = defaultdict(set)
    for pair in blocks_between(people, members):
        for one, other in (pair, pair[::-1]):
            if other in people:
                parted[one].add(other)
    return dict(parted)


def last_seen_before(message: Message, members: set[str], *, since: int, at_most: int = 100) -> dict[Message, set[str]]:
    """For members who do not see this message, the last one before it that they see, if it is after `since`."""
    between = Message.objects.filter(
        conversation_id=message.conversation_id, position__gt=since, position__lt=message.position, deleted_at=None
    )
    candidates = list(between.order_by("-position")[:at_most])
    parted = parted_members(message.conversation_id, {str(one.sender_id) for one in candidates})
    hidden = set(Hidden.objects.filter(message__in=candidates).values_list("message_id", "user_id"))
    hidden_from = {(message_id, str(user_id)) for message_id, user_id in hidden}
    found: defaultdict[Message, set[str]] = defaultdict(set)
    for member in members:
        for one in candidates:
            if str(one.sender_id) not in parted.get(member, ()) and (one.pk, member) not in hidden_from:
                found[one].add(member)
                break
    return dict(found)


def conversation_ids_of(user: Id) -> list[UUID]:
    """Where the user is a member."""
    return list(Membership.objects.filter(user_id=user).values_list("conversation_id", flat=True))


def attachments_of(reader: Id) -> QuerySet[Attachment]:
    """What the reader uploaded, and what is in messages that the reader can see."""
    seen = (
        Message.objects.filter(deleted_at=None, conversation__memberships__user_id=reader)
        .exclude(sender__in=blocked_pairs(reader))
        .exclude(hidden__user_id=reader)
    )
    return Attachment.objects.filter(Q(uploader_id=reader) | Q(message__in=seen))


def require_member(reader: Id, conversation: Id) -> None:
    """Conversation.DoesNotExist for who is not in it."""
    if not is_member(conversation=conversation, user=reader):
        raise Conversation.DoesNotExist


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


def calls_ringing(user: Id) -> QuerySet[Call]:
    """Whoever is calling the user right now; a block would have ended it. Each connection asks: as simple as may be."""
    begun = timezone.now() - timedelta(seconds=settings.CHAT_RING_TIMEOUT)
    return Call.objects.filter(callee__pk=user, state=Call.State.RINGING, created_at__gt=begun)
