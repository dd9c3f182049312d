"""The chat as a Django app."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    """Conversations, memberships, messages."""

    name = "chat"
