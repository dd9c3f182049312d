"""What has arrived, and what was read."""

from uuid import UUID

from django.db import transaction
from django.dispatch import Signal

from chat.models import Membership, Message
from chat.selectors import visible_messages

Id = UUID | str

receipt_given = Signal()
"""`message`, `user_id`, `kind` (`delivered` or `read`), and `since`: up to which position that was so before."""


@transaction.atomic
def mark_delivered(*, user_id: Id, message_id: Id) -> Message:
    """It has arrived on a device of the user's, and all before it. Nothing happens if that is known."""
    message = visible_messages(user_id).get(pk=message_id)
    membership = _locked(message, user_id)
    since = membership.delivered_position
    if message.position > since:
        membership.delivered_position = message.position
        membership.save(update_fields=["delivered_position"])
        receipt_given.send(Membership, message=message, user_id=str(user_id), kind="delivered", since=since)
    return message


@transaction.atomic
def mark_read(*, user_id: Id, message_id: Id, conversation_id: Id | None = None) -> Message:
    """The user has read it, and all before it, which then has arrived as well."""
    found = visible_messages(user_id).filter(pk=message_id)
    message = (found if conversation_id is None else found.filter(conversation_id=conversation_id)).get()
    membership = _locked(message, user_id)
    since = membership.read_position
    if message.position > since:
        membership.read_position = message.position
        membership.delivered_position = max(membership.delivered_position, message.position)
        membership.save(update_fields=["read_position", "delivered_position"])
        receipt_given.send(Membership, message=message, user_id=str(user_id), kind="read", since=since)
    return message


def _locked(message: Message, user: Id) -> Membership:
    """Two devices that report at once do so one after the other; rows that refer to it can be added meanwhile."""
    memberships = Membership.objects.select_for_update(no_key=True)
    return memberships.get(conversation_id=message.conversation_id, user_id=user)
