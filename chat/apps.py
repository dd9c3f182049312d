"""The chat as a Django app."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    """Conversations, memberships, messages."""

    name = "chat"

    def ready(self) -> None:
        """All settings are loaded by now."""
        from chat import checks  # noqa: F401
