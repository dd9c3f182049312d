"""Who hears of conversations."""

from chat.events import ConversationCreated, ConversationUpdated, Member, MemberAdded, MemberRemoved
from chat.models import Conversation, Membership
from chat.rooms import ConversationRoom
from chat.services import conversation_created
from realtime.rooms import UserRoom
from realtime.signals import Admit, Change, Evict, Push, Pushes, pushes


@pushes(conversation_created)
def tell_conversation(conversation: Conversation) -> Pushes:
    """All members are let in, then told."""
    room, event = ConversationRoom(conversation.pk), ConversationCreated.of(conversation)
    for member in event.members:
        yield Admit(member.user_id, room)
    yield Push([UserRoom(member.user_id) for member in event.members], event)


@pushes(Membership, watch=("role",))
def membership_changed(membership: Membership, change: Change) -> Pushes:
    """A new member is let in before anybody is told, a removed one is put out after it."""
    room, user_id = ConversationRoom(membership.conversation_id), str(membership.user_id)
    both = [room, UserRoom(user_id)]
    if change.created:
        yield Admit(user_id, room)
        member = Member.of(membership)
        yield Push(both, MemberAdded(conversation_id=room.key, user_id=user_id, member=member))
    elif change.changed("role"):
        yield Push(room, ConversationUpdated.of(membership.conversation))
    elif change.deleted:
        yield Push(both, MemberRemoved(conversation_id=room.key, user_id=user_id))
        yield Evict(user_id, room)
