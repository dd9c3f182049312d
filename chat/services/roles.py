"""Who may do what in a group, and whose it is. A group with people in it has exactly one owner."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Case, Value, When
from django.dispatch import Signal

from chat.models import Conversation, Membership
from chat.services.locking import lock

Id = UUID | str
Role = Membership.Role

MANAGERS: Final = frozenset({Role.OWNER, Role.ADMIN})
"""Who lets people in, takes them out and gives the title."""

roles_changed = Signal()
"""`conversation`, after roles in it were written by `update`, which fires no signal of Django's."""


def require_role(conversation: Conversation, actor: Id, roles: Collection[str]) -> None:
    """PermissionDenied for a member in another role."""
    if not conversation.memberships.filter(user_id=actor, role__in=roles).exists():
        whose = " and the admins" if Role.ADMIN in roles else ""
        raise PermissionDenied(f"Only the owner{whose} of a group may do this.")


@transaction.atomic
def change_role(*, actor_id: Id, conversation_id: Id, user_id: Id, role: str) -> Membership:
    """Make somebody an admin or a plain member, as the owner, or the owner: then one becomes an admin."""
    conversation = lock(conversation_id, actor_id)
    if conversation.kind == Conversation.Kind.DIRECT:
        raise ValidationError("There are no roles in a direct conversation.")
    require_role(conversation, actor_id, {Role.OWNER})
    membership = conversation.memberships.select_related("user").get(user_id=user_id)
    if role not in Role.values:
        raise ValidationError({"role": f"A role is one of {', '.join(Role.values)}."})
    if membership.role == Role.OWNER and role != Role.OWNER:
        raise ValidationError({"role": "A group needs an owner: make somebody else its owner."})
    if role == Role.OWNER and not membership.user.is_active:
        raise ValidationError({"role": "This account is closed: its owner could do nothing."})
    _assign(conversation, membership, role)
    return membership


@transaction.atomic
def assign_role(*, conversation_id: Id, user_id: Id, role: str) -> Membership:
    """Give somebody in a group any role, as staff.

    In an owner's place comes whoever would inherit the group; without an heir the owner remains.
    """
    conversation = Conversation.objects.select_for_update().get(pk=conversation_id)
    membership = conversation.memberships.get(user_id=user_id)
    if conversation.kind == Conversation.Kind.GROUP:
        _assign(conversation, membership, role)
    return membership


def _assign(conversation: Conversation, membership: Membership, role: str) -> None:
    owner = conversation.memberships.filter(role=Role.OWNER).first()
    if role == membership.role:
        return
    if role == Role.OWNER:
        _write(conversation, *([(owner, Role.ADMIN)] if owner else []), (membership, role))
    elif membership != owner:
        _write(conversation, (membership, role))
    elif heir := _heir(conversation, owner):
        _write(conversation, (owner, role), (heir, Role.OWNER))


def _write(conversation: Conversation, *changes: tuple[Membership, str]) -> None:
    """All of them, in this order (an owner goes before another comes), and told as one change."""
    for membership, role in changes:
        Membership.objects.filter(pk=membership.pk).update(role=role)
        membership.role = role
    roles_changed.send(Conversation, conversation=conversation)


@transaction.atomic
def hand_over(conversation: Conversation) -> None:
    """A group without an owner, or with one whose account is closed, goes to its heir, if there is one.

    That is the admin who has been in it longest, else the member who has. A closed account inherits nothing from an
    open one; an owner whose account was closed becomes an admin.
    """
    # Only what deletes it has to wait: a membership that is just being written refers to it already.
    group = Conversation.objects.select_for_update(no_key=True).filter(pk=conversation.pk).first()
    if group is None or group.kind != Conversation.Kind.GROUP:
        return
    owner = group.memberships.filter(role=Role.OWNER).select_related("user").first()
    if owner is not None and owner.user.is_active:
        return
    if heir := _heir(group, owner):
        _write(group, *([(owner, Role.ADMIN)] if owner else []), (heir, Role.OWNER))


def _heir(group: Conversation, owner: Membership | None) -> Membership | None:
    """Nobody rather than a closed account, where there is an owner."""
    others = group.memberships.exclude(pk=owner.pk).filter(user__is_active=True) if owner else group.memberships.all()
    rank = Case(When(role=Role.ADMIN, then=Value(0)), default=Value(1))
    return others.order_by("-user__is_active", rank, "joined_at", "id").first()


@transaction.atomic
def settle_ownership(*, user_id: Id) -> None:
    """An account was closed, or opened again: no group with open ones in it is left to a closed one.

    All groups are locked before anybody looks whose they are: in one of them the account may be about to inherit.
    """
    groups = Conversation.objects.filter(kind=Conversation.Kind.GROUP, members__pk=user_id)
    # In one order, so that nobody waits in a ring.
    locked = list(groups.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk", flat=True))
    left = Membership.objects.filter(conversation__in=locked, role=Role.OWNER, user__is_active=False)
    for membership in left.select_related("conversation"):
        hand_over(membership.conversation)


@transaction.atomic
def lock_for_leaving(*, conversation_id: Id) -> None:
    """Before a membership is deleted in whatever way: the conversation first, as all who write to it do."""
    list(Conversation.objects.select_for_update(no_key=True).filter(pk=conversation_id).values_list("pk"))
