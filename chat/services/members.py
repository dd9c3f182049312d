"""Who is in a group: let in, taken out, gone by themselves."""

from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction

from accounts.selectors import visible_users
from chat.models import Conversation, Membership
from chat.services.conversations import positions
from chat.services.erasing import erase
from chat.services.locking import lock
from chat.services.roles import MANAGERS, require_role

Id = UUID | str
Role = Membership.Role


@transaction.atomic
def add_member(*, actor_id: Id, conversation_id: Id, user_id: Id) -> Membership:
    """Let somebody into a group, as its owner or an admin. Again, the same membership comes back."""
    conversation = lock(conversation_id, actor_id)
    if conversation.kind == Conversation.Kind.DIRECT:
        raise ValidationError("Nobody can be added to a direct conversation; begin a group.")
    require_role(conversation, actor_id, MANAGERS)
    user = visible_users(actor_id).get(pk=user_id)
    if known := conversation.memberships.filter(user=user).first():
        return known
    if conversation.memberships.count() >= settings.CHAT_MAX_MEMBERS:
        raise ValidationError(f"A conversation has at most {settings.CHAT_MAX_MEMBERS} members.")
    return Membership.objects.create(conversation=conversation, user=user, **positions(conversation))


@transaction.atomic
def admit_member(*, conversation_id: Id, user_id: Id) -> Membership:
    """Let somebody in, as staff, over any limit."""
    conversation = Conversation.objects.select_for_update().get(pk=conversation_id)
    membership, _ = Membership.objects.get_or_create(
        conversation=conversation, user_id=user_id, defaults=positions(conversation)
    )
    return membership


@transaction.atomic
def remove_member(*, actor_id: Id, conversation_id: Id, user_id: Id) -> None:
    """Take somebody out of a group, or leave it.

    The owner takes out anybody, an admin plain members. An owner who leaves hands the group over (`hand_over`);
    with the last one to leave the group ends, since nobody could reach it any more.
    """
    conversation = lock(conversation_id, actor_id)
    if conversation.kind == Conversation.Kind.DIRECT:
        raise ValidationError("Nobody can leave a direct conversation; block the other instead.")
    leaves = UUID(str(user_id)) == UUID(str(actor_id))
    own = Role(conversation.memberships.get(user_id=actor_id).role)
    if not leaves and own not in MANAGERS:
        raise PermissionDenied("Only the owner and the admins of a group may do this.")
    membership = conversation.memberships.get(user_id=user_id)
    if not leaves and own == Role.ADMIN and membership.role != Role.MEMBER:
        raise PermissionDenied("Only the owner of a group takes out its admins, and nobody its owner.")
    membership.delete()  # which hands over, whoever deletes it
    if not conversation.memberships.exists():
        erase(conversation)
