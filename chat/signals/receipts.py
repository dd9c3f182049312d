"""Who hears what arrived, and what was read."""

from chat import selectors
from chat.events import MessageReceipt
from chat.models import Message
from chat.rooms import ConversationRoom
from chat.services import receipt_given
from realtime.signals import Push, Pushes, pushes


@pushes(receipt_given)
def tell_receipt(message: Message, user_id: str, kind: str, since: int) -> Pushes:
    """All members. Who does not see that message hears of the last one before it that they see."""
    room, parted = ConversationRoom(message.conversation_id), selectors.parted_from(user_id, message.conversation_id)

    def receipt(of: Message) -> MessageReceipt:
        return MessageReceipt(message_id=str(of.pk), conversation_id=room.key, user_id=user_id, type=kind)

    not_seeing = selectors.not_seeing(message)
    yield Push(room, receipt(message), exclude=parted | not_seeing)
    if not not_seeing - parted:
        return
    members = selectors.member_ids(message.conversation_id)
    others = selectors.last_seen_before(message, members & (not_seeing - parted), since=since)
    for other, listeners in others.items():
        yield Push(room, receipt(other), exclude=members - listeners, is_personal=True)
