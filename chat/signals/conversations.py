"""Who hears of conversations."""

from django.db.models import QuerySet

from chat import services
from chat.events import ConversationCreated, ConversationUpdated, Member, MemberAdded, MemberRemoved
from chat.models import Conversation, Membership
from chat.rooms import ConversationRoom
from chat.services import conversation_created, roles_changed
from realtime.rooms import UserRoom
from realtime.signals import Admit, Change, Evict, Push, Pushes, pushes


@pushes(conversation_created)
def tell_conversation(conversation: Conversation) -> Pushes:
    """All members are let in, then told."""
    room, event = ConversationRoom(conversation.pk), ConversationCreated.of(conversation)
    for member in event.members:
        yield Admit(member.user_id, room)
    yield Push([UserRoom(member.user_id) for member in event.members], event)


@pushes(Conversation, watch=("title",))
def conversation_changed(conversation: Conversation, change: Change) -> Pushes:
    """Another title."""
    if change.changed("title"):
        yield _updated(conversation)


@pushes(roles_changed)
def tell_roles(conversation: Conversation) -> Pushes:
    """Who is what, when several changed at once."""
    yield _updated(conversation)


@pushes(Membership, watch=("role", "pinned_at", "muted_until"))
def membership_changed(membership: Membership, change: Change) -> Pushes:
    """A new member is let in before anybody is told, a removed one is put out after it."""
    if change.created:
        yield from _came(membership)
    elif change.deleted:
        yield from _went(membership, ends=ends_conversation(change.origin))
    if change.changed("role"):
        yield _updated(membership.conversation)
    if change.changed("pinned_at") or change.changed("muted_until"):
        services.count_change(membership.conversation)
        yield Push(UserRoom(membership.user_id), ConversationUpdated.for_member(membership))


def _updated(conversation: Conversation) -> Push:
    services.count_change(conversation)  # before anything else is read that others may be changing
    return Push(ConversationRoom(conversation.pk), ConversationUpdated.of(conversation))


def _came(membership: Membership) -> Pushes:
    """The new one gets all of the conversation, the others the new one."""
    room, own = ConversationRoom(membership.conversation_id), UserRoom(membership.user_id)
    yield Admit(own.key, room)
    version = services.count_change(membership.conversation)
    yield Push(own, ConversationCreated.of(membership.conversation))
    member = Member.of(membership)
    yield Push([room, own], MemberAdded(conversation_id=room.key, version=version, user_id=own.key, member=member))


def _went(membership: Membership, *, ends: bool) -> Pushes:
    """When the conversation ends, each hears of themselves alone: the others will see nothing of it either."""
    room, own = ConversationRoom(membership.conversation_id), UserRoom(membership.user_id)
    version = None if ends else services.count_change(membership.conversation)
    removed = MemberRemoved(conversation_id=room.key, version=version, user_id=own.key)
    yield Push([own] if ends else [room, own], removed)
    yield Evict(own.key, room)


def ends_conversation(origin: object) -> bool:
    """Whether what is being deleted is the conversation, and not only who is in it."""
    return isinstance(origin, Conversation) or (isinstance(origin, QuerySet) and origin.model is Conversation)
