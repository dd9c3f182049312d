"""Conversations that have something in them."""

from accounts.models import User
from chat import services
from chat.models import Conversation, Message


def say(conversation: Conversation, sender: User, *texts: str) -> list[Message]:
    """Messages of one person."""
    return [services.send_message(sender_id=sender.pk, conversation_id=conversation.pk, text=text) for text in texts]
