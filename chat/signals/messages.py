"""Who hears of messages."""

from collections import defaultdict
from collections.abc import Sequence, Set

from django.db.models import QuerySet

from chat import selectors
from chat.events import MessageAcknowledged, MessageDeleted, MessageEdited, MessageNew, MessageReaction
from chat.models import Conversation, Hidden, Message, Reaction
from chat.rooms import ConversationRoom
from chat.signals.conversations import ends_conversation
from realtime.rooms import UserRoom
from realtime.signals import Change, Push, Pushes, Void, pushes


@pushes(Message, watch=("text", "ciphertext", "attachments", "deleted_at"))
def message_changed(message: Message, change: Change) -> Pushes:
    """Members hear what is said, but from nobody whom a block parts from them."""
    if change.created:
        if message.acknowledges and message.temp_id:
            acknowledged = MessageAcknowledged(temp_id=message.temp_id, message_id=str(message.pk))
            yield Push(UserRoom(message.sender_id), acknowledged)
        parted = selectors.parted_from(message.sender_id, message.conversation_id)
        yield from _tell(MessageNew, message, (), exclude=parted)
    elif _is_gone(message, change):
        room = ConversationRoom(message.conversation_id)
        yield Void(room)  # so that nobody who was away is told of it as it was
        yield Push(room, MessageDeleted.of(message, for_everyone=True), exclude=selectors.not_seeing(message))
    elif message.deleted_at is None and any(map(change.changed, ("text", "ciphertext", "attachments"))):
        reactions = list(message.reactions.all())
        yield from _tell(MessageEdited, message, reactions, exclude=selectors.not_seeing(message))


def _goes_with_more(origin: object) -> bool:
    """Whether not the reaction alone is deleted, but its message or the whole conversation."""
    model = origin.model if isinstance(origin, QuerySet) else type(origin)
    return model in {Message, Conversation}


def _is_gone(message: Message, change: Change) -> bool:
    """Since this change: a message that was deleted before is not told again when its place is removed."""
    if change.deleted:
        return message.deleted_at is None and not ends_conversation(change.origin)
    return change.changed("deleted_at") and message.deleted_at is not None


def _tell(kind: type[MessageNew], message: Message, reactions: Sequence[Reaction], *, exclude: Set[str]) -> Pushes:
    """Who does not see somebody who is in it (mentioned, answered, or with a reaction) hears it without them."""
    room = ConversationRoom(message.conversation_id)
    shown = {*message.mentions, *(str(reaction.user_id) for reaction in reactions)}
    if message.reply_to is not None:
        shown.add(str(message.reply_to.sender_id))
    parted = selectors.parted_members(message.conversation_id, shown) if shown else {}
    views: defaultdict[frozenset[str], set[str]] = defaultdict(set)
    for member in parted.keys() - exclude:
        views[frozenset(parted[member])].add(member)
    yield Push(room, kind.of(message, reactions), exclude=exclude | parted.keys())
    members = selectors.member_ids(message.conversation_id) if views else set()
    for unseen, viewers in views.items():
        yield Push(room, kind.of(message, reactions, unseen=unseen), exclude=members - viewers, is_personal=True)


@pushes(Hidden)
def message_hidden(hidden: Hidden, change: Change) -> Pushes:
    """What one deletes for oneself is gone on all of one's devices."""
    if change.created:
        event = MessageDeleted.of(hidden.message, for_everyone=False)
        yield Push(UserRoom(hidden.user_id), event, is_personal=True)


@pushes(Reaction)
def reaction_changed(reaction: Reaction, change: Change) -> Pushes:
    """Who sees the message, and whoever reacted, hears of it; that a deleted message has none goes without saying."""
    if change.deleted and _goes_with_more(change.origin):
        return
    message, user_id = reaction.message, str(reaction.user_id)
    if message.deleted_at is not None:
        return
    event = MessageReaction(
        message_id=str(message.pk),
        conversation_id=str(message.conversation_id),
        user_id=user_id,
        emoji=reaction.emoji,
        removed=change.deleted,
    )
    exclude = selectors.parted_from(user_id, message.conversation_id) | selectors.not_seeing(message)
    yield Push(ConversationRoom(message.conversation_id), event, exclude=exclude)
