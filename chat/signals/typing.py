"""Who hears that somebody is typing, and what ends it."""

from functools import partial

from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from accounts.models import Block
from chat.contacts import shared_conversations
from chat.events import TypingStarted, TypingStopped
from chat.models import Membership, Message
from chat.rooms import ConversationRoom
from chat.selectors import parted_from
from chat.typing import backend, stop_typing, typing_changed
from realtime.publishing import publish
from realtime.rooms import UserRoom
from realtime.signals import Push, Pushes, pushes


@pushes(typing_changed)
def tell_typing(conversation_id: str, user_id: str, typing: bool) -> Pushes:
    """The others in the conversation, but nobody whom a block parts from them."""
    kind = TypingStarted if typing else TypingStopped
    event = kind(user_id=user_id, conversation_id=conversation_id)
    yield Push(ConversationRoom(conversation_id), event, exclude={user_id, *parted_from(user_id, conversation_id)})


@receiver(post_save, sender=Message)
def message_ends_typing(instance: Message, created: bool, **_: object) -> None:
    """What was being typed has been sent."""
    if created:
        _stop_after_commit(instance.conversation_id, instance.sender_id)


@receiver(post_delete, sender=Membership)
def leaving_ends_typing(instance: Membership, **_: object) -> None:
    """Who is no member types nothing there."""
    _stop_after_commit(instance.conversation_id, instance.user_id)


def _stop_after_commit(conversation_id: object, user_id: object) -> None:
    stop = partial(stop_typing, conversation_id=str(conversation_id), user_id=str(user_id))
    transaction.on_commit(stop, robust=True)


@receiver(post_save, sender=Block)
def block_hides_typing(instance: Block, created: bool, **_: object) -> None:
    """Each of the two sees the other stop, though everybody else sees them go on."""
    if created:
        transaction.on_commit(partial(hide_typing, str(instance.blocker_id), str(instance.blocked_id)), robust=True)


def hide_typing(one: str, other: str) -> None:
    """From each other, wherever they are together."""
    conversations = shared_conversations(one, other)
    for user_id, listener in ((one, other), (other, one)):
        for conversation_id in backend().among(conversations, user_id):
            event = TypingStopped(user_id=user_id, conversation_id=conversation_id)
            publish(Push(UserRoom(listener), event, is_personal=True))
