"""`manage.py say SENDER CONVERSATION TEXT`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from chat import services


class Command(BaseCommand):
    """Says something in a conversation."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("sender")
        parser.add_argument("conversation")
        parser.add_argument("text")

    def handle(self, *, sender: str, conversation: str, text: str, **_: Any) -> None:
        services.send_message(sender_id=sender, conversation_id=conversation, text=text)
