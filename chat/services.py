"""Every write of the chat. Who may not do it, or may not know of it, gets Django's own exceptions."""

from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.db import IntegrityError, transaction
from django.dispatch import Signal
from django.utils import timezone

from accounts.exceptions import Blocked
from accounts.models import User
from accounts.selectors import are_blocked, visible_users
from chat.exceptions import TextTooLong
from chat.models import Conversation, Membership, Message
from chat.selectors import is_member

Id = UUID | str
PAIR = 2

conversation_created = Signal()
"""`conversation`, after its memberships were written in bulk, which fires no signal of Django's."""


@transaction.atomic
def create_conversation(*, creator_id: Id, kind: str, members: Iterable[Id], title: str = "") -> Conversation:
    """Begin a conversation with these people; for a pair that has one already, that one."""
    others = {UUID(str(member)) for member in members} - {UUID(str(creator_id))}
    _check_people(creator_id, others)
    if kind == Conversation.Kind.DIRECT:
        if len(others) != 1:
            raise ValidationError({"members": "A direct conversation is with exactly one other person."})
        return _direct(creator_id, others.pop())
    conversation = Conversation(kind=kind, title=title.strip(), created_by_id=creator_id)
    conversation.full_clean()
    conversation.save()
    _fill(conversation, creator_id, others)
    return conversation


def _check_people(creator: Id, others: set[UUID]) -> None:
    if len(others) >= settings.CHAT_MAX_MEMBERS:
        raise ValidationError({"members": f"A conversation has at most {settings.CHAT_MAX_MEMBERS} members."})
    known = set(visible_users(creator).filter(pk__in=others).values_list("pk", flat=True))
    if missing := others - known:
        raise ValidationError({"members": f"Nobody can be reached under {', '.join(sorted(map(str, missing)))}."})


def _direct(creator: Id, other: UUID) -> Conversation:
    pair = ":".join(sorted((str(UUID(str(creator))), str(other))))
    conversation, created = Conversation.objects.get_or_create(
        pair=pair, defaults={"kind": Conversation.Kind.DIRECT, "created_by_id": creator}
    )
    if created:
        _fill(conversation, creator, {other})
    return conversation


def _fill(conversation: Conversation, creator: Id, others: Iterable[UUID]) -> None:
    owner = Membership(conversation=conversation, user_id=creator, role=Membership.Role.OWNER)
    members = [Membership(conversation=conversation, user_id=other) for other in sorted(others)]
    Membership.objects.bulk_create([owner, *members])
    conversation_created.send(Conversation, conversation=conversation)


@transaction.atomic
def add_member(*, actor_id: Id, conversation_id: Id, user_id: Id) -> Membership:
    """Let somebody into a group; only its owner may. Again, the same membership comes back."""
    conversation = _lock(conversation_id, actor_id)
    _require_owner(conversation, actor_id)
    if conversation.kind == Conversation.Kind.DIRECT:
        raise ValidationError("Nobody can be added to a direct conversation; begin a group.")
    user = visible_users(actor_id).get(pk=user_id)
    if known := conversation.memberships.filter(user=user).first():
        return known
    if conversation.memberships.count() >= settings.CHAT_MAX_MEMBERS:
        raise ValidationError(f"A conversation has at most {settings.CHAT_MAX_MEMBERS} members.")
    return Membership.objects.create(conversation=conversation, user=user)


@transaction.atomic
def remove_member(*, actor_id: Id, conversation_id: Id, user_id: Id) -> None:
    """Take somebody out of a group, as its owner, or leave it."""
    conversation = _lock(conversation_id, actor_id)
    if conversation.kind == Conversation.Kind.DIRECT:
        raise ValidationError("Nobody can leave a direct conversation; block the other instead.")
    if UUID(str(user_id)) != UUID(str(actor_id)):
        _require_owner(conversation, actor_id)
    conversation.memberships.get(user_id=user_id).delete()
    hand_over(conversation)


@transaction.atomic
def hand_over(conversation: Conversation) -> None:
    """A group that its owner has left belongs to whoever has been in it longest."""
    if (
        conversation.kind == Conversation.Kind.GROUP
        and not conversation.memberships.filter(role=Membership.Role.OWNER).exists()
    ):
        heir = conversation.memberships.order_by("joined_at", "id").first()
        if heir is not None:
            heir.role = Membership.Role.OWNER
            heir.save(update_fields=["role"])


def _require_owner(conversation: Conversation, actor: Id) -> None:
    if not conversation.memberships.filter(user_id=actor, role=Membership.Role.OWNER).exists():
        raise PermissionDenied("Only the owner of a group may do this.")


@transaction.atomic
def send_message(
    *, sender_id: Id, conversation_id: Id, text: str, temp_id: str | None = None, acknowledge: bool = False
) -> Message:
    """Say something. The same `temp_id` again says nothing new: the first message comes back.

    With `acknowledge` all of the sender's devices are told of the `temp_id`, not only the one that asked.
    """
    text = _clean(text)
    ProhibitNullCharactersValidator()(temp_id)
    conversation = _lock(conversation_id, sender_id)
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


def _lock(conversation: Id, member: Id) -> Conversation:
    """The conversation, locked to the end of the transaction; DoesNotExist for who is no member."""
    locked = Conversation.objects.select_for_update().get(pk=conversation)
    # A query of its own, after the wait for the lock: the lock's still sees what was before it.
    if not is_member(conversation=locked.pk, user=member):
        raise Conversation.DoesNotExist
    return locked
