"""What `manage.py check --database default` and `migrate` say of the chat."""

from collections.abc import Iterable, Sequence

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import connections

from chat import search_index
from chat.models import Message


@register(Tags.database)
def check_search_index(databases: Sequence[str] | None = None, **_: object) -> Iterable[CheckMessage]:
    """The full text index is for the configuration that is searched with; else every message is read."""
    return [
        Warning(
            f"There is no index for CHAT_SEARCH_CONFIG={settings.CHAT_SEARCH_CONFIG}: searching reads every message.",
            hint="Run `manage.py migrate`, then `manage.py rebuild_search`.",
            id="chat.W001",
        )
        for connection in map(connections.__getitem__, databases or ())
        if connection.vendor == "postgresql"
        and Message._meta.db_table in connection.introspection.table_names()
        and not search_index.is_built(connection)
    ]
