"""`manage.py rebuild_search`: after a change of CHAT_SEARCH_CONFIG."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from chat import search_index


class Command(BaseCommand):
    """Make the full text index of messages anew, while everything goes on."""

    help = "Make the full text index of messages for the present CHAT_SEARCH_CONFIG (PostgreSQL)."

    def handle(self, **_: Any) -> None:
        """Nothing is to do on SQLite."""
        if connection.vendor != "postgresql":
            self.stdout.write("Only PostgreSQL has a full text index; here every message is read.")
            return
        search_index.rebuild(connection)
        self.stdout.write("The index is made.")
