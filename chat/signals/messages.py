"""Who hears of messages."""

from accounts.selectors import blocked_pairs
from chat.events import MessageAcknowledged, MessageNew
from chat.models import Message
from chat.rooms import ConversationRoom
from realtime.rooms import UserRoom
from realtime.signals import Change, Push, Pushes, pushes


@pushes(Message)
def message_changed(message: Message, change: Change) -> Pushes:
    """Members hear what is said, but from nobody whom a block parts from them."""
    if change.created:
        if message.acknowledges and message.temp_id:
            acknowledged = MessageAcknowledged(temp_id=message.temp_id, message_id=str(message.pk))
            yield Push(UserRoom(message.sender_id), acknowledged)
        exclude = blocked_pairs(message.sender_id)
        yield Push(ConversationRoom(message.conversation_id), MessageNew.of(message), exclude=exclude)
