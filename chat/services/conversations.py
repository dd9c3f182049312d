"""Conversations: how they begin, what they are called, how they end."""

from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.db import transaction
from django.db.models import F
from django.dispatch import Signal

from accounts.models import User
from accounts.selectors import visible_users
from chat.models import Conversation, Membership
from chat.services.erasing import erase
from chat.services.locking import lock
from chat.services.roles import MANAGERS, require_role

Id = UUID | str

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
    conversation = Conversation(kind=kind, title=_clean(title), created_by_id=creator_id)
    conversation.full_clean()
    # Who closes the account meanwhile waits until there is a group to hand over, or has closed it already.
    User.objects.select_for_update(no_key=True).get(pk=creator_id, is_active=True)
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
    else:
        _complete(conversation, {UUID(str(creator)), other})
        take_part(conversation, creator)
    return conversation


def _complete(conversation: Conversation, people: set[UUID]) -> None:
    """Both are in it again, though staff, or the shell, took one out."""
    missing = people - set(conversation.memberships.values_list("user_id", flat=True))
    for user in sorted(missing):
        Membership.objects.get_or_create(conversation=conversation, user_id=user, defaults=positions(conversation))


def take_part(conversation: Conversation, member: Id) -> None:
    """Whoever begins a conversation, or says something in it, has the others there for contacts."""
    for membership in conversation.memberships.filter(user_id=member, takes_part=False):
        membership.takes_part = True
        membership.save(update_fields=["takes_part"])


def positions(conversation: Conversation) -> dict[str, int]:
    """Where somebody begins who is let in now: nothing that was said before is unread."""
    names = ("joined_position", "delivered_position", "read_position")
    return dict.fromkeys(names, conversation.last_position)


def _fill(conversation: Conversation, creator: Id, others: Iterable[UUID]) -> None:
    owner = Membership(conversation=conversation, user_id=creator, role=Membership.Role.OWNER, takes_part=True)
    members = [Membership(conversation=conversation, user_id=other) for other in sorted(others)]
    Membership.objects.bulk_create([owner, *members])
    conversation_created.send(Conversation, conversation=conversation)


@transaction.atomic
def count_change(conversation: Conversation) -> int:
    """The number of a change that is to be told, in the order of commits, since the row stays locked until then.

    Processes can hand over what they tell in another order; by the number clients know which is the later.
    """
    Conversation.objects.filter(pk=conversation.pk).update(version=F("version") + 1)
    conversation.refresh_from_db(fields=["version", "title", "last_message_at"])
    return conversation.version


@transaction.atomic
def rename_conversation(*, actor_id: Id, conversation_id: Id, title: str) -> Conversation:
    """Give a group another title, as its owner or an admin."""
    conversation = lock(conversation_id, actor_id)
    if conversation.kind == Conversation.Kind.DIRECT:
        raise ValidationError({"title": "A direct conversation has no title: it is called after the other person."})
    require_role(conversation, actor_id, MANAGERS)
    return _retitle(conversation, title)


@transaction.atomic
def retitle_conversation(*, conversation_id: Id, title: str) -> Conversation:
    """Give any conversation another title, as staff."""
    return _retitle(Conversation.objects.select_for_update().get(pk=conversation_id), title)


def _retitle(conversation: Conversation, title: str) -> Conversation:
    conversation.title = _clean(title)
    conversation.clean_fields(exclude={field.name for field in Conversation._meta.fields} - {"title"})
    conversation.save(update_fields=["title"])
    return conversation


def _clean(title: str) -> str:
    try:
        ProhibitNullCharactersValidator()(title)
    except ValidationError as error:
        raise ValidationError({"title": error}) from error
    return title.strip()


@transaction.atomic
def end_conversation(*, actor_id: Id, conversation_id: Id) -> None:
    """End a group for all who are in it, as its owner; nothing of it is kept."""
    conversation = lock(conversation_id, actor_id)
    if conversation.kind == Conversation.Kind.DIRECT:
        raise ValidationError("Nobody can end a direct conversation; block the other instead.")
    require_role(conversation, actor_id, {Membership.Role.OWNER})
    erase(conversation)


@transaction.atomic
def close_conversation(*, conversation_id: Id) -> None:
    """End any conversation, as staff; nothing of it is kept. Conversation.DoesNotExist if there is none."""
    erase(Conversation.objects.select_for_update().get(pk=conversation_id))
