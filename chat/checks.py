"""What `manage.py check` says of the chat; of its search index with `--database default`, and `migrate` too."""

from collections.abc import Iterable, Sequence

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.mail import EmailMessage
from django.core.mail.message import sanitize_address
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


@register("chat")
def check_sender(**_: object) -> Iterable[CheckMessage]:
    """Mail can be sent from DEFAULT_FROM_EMAIL: else every single one would be given up."""
    try:
        sanitize_address(settings.DEFAULT_FROM_EMAIL, settings.DEFAULT_CHARSET)
        EmailMessage(from_email=settings.DEFAULT_FROM_EMAIL).message()
    except ValueError as error:
        hint = "For example: DEFAULT_FROM_EMAIL='Chat <chat@example.org>'"
        return [Error(f"DEFAULT_FROM_EMAIL is no address: {error}", hint=hint, id="chat.E001")]
    return []
