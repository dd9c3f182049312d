"""Who hears of the chat."""

from accounts.models import User
from accounts.selectors import blocked_pairs
from chat.events import (
    ConversationCreated,
    ConversationUpdated,
    Member,
    MemberAdded,
    MemberRemoved,
    MessageAcknowledged,
    MessageNew,
    PresenceChanged,
)
from chat.models import Conversation, Membership, Message
from chat.rooms import ConversationRoom
from chat.selectors import conversation_ids_of
from chat.services import conversation_created
from realtime.rooms import UserRoom
from realtime.signals import Admit, Change, Evict, Push, Pushes, on_presence, pushes
from realtime.times import iso


@pushes(Message)
def message_changed(message: Message, change: Change) -> Pushes:
    """Members hear what is said, but from nobody whom a block parts from them."""
    if change.created:
        if message.acknowledges and message.temp_id:
            acknowledged = MessageAcknowledged(temp_id=message.temp_id, message_id=str(message.pk))
            yield Push(UserRoom(message.sender_id), acknowledged)
        exclude = blocked_pairs(message.sender_id)
        yield Push(ConversationRoom(message.conversation_id), MessageNew.of(message), exclude=exclude)


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


@on_presence
def tell_presence(user_id: str, online: bool) -> Pushes:
    """People who share a conversation hear who comes and goes, less blocks."""
    user = User.objects.filter(pk=user_id).first()
    if user is None:  # the account was deleted
        return
    event = PresenceChanged(
        user_id=user_id,
        status="online" if online else "offline",
        text="",
        last_seen_at=iso(user.last_seen_at) if user.last_seen_at else None,
    )
    yield Push(map(ConversationRoom, conversation_ids_of(user_id)), event, exclude={user_id, *blocked_pairs(user_id)})
