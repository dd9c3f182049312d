"""The chat as a Django app."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    """Conversations, memberships, messages."""

    name = "chat"

    def ready(self) -> None:
        """The checks register themselves."""
        from chat import checks  # noqa: F401
