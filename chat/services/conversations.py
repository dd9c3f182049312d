"""Conversations, and who is in them."""

from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.dispatch import Signal

from accounts.selectors import visible_users
from chat.models import Conversation, Membership
from chat.services.locking import lock

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
    conversation = lock(conversation_id, actor_id)
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
    conversation = lock(conversation_id, actor_id)
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
