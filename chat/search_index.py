"""The full text index of messages, on PostgreSQL alone: by SQL, since no other database knows its kind."""

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper

NAME = "chat_message_search"


def drop(connection: BaseDatabaseWrapper) -> None:
    """Be rid of it; nobody waits meanwhile. Outside a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")


def rebuild(connection: BaseDatabaseWrapper) -> None:
    """Make it for the present CHAT_SEARCH_CONFIG, in the place of another; nobody waits meanwhile.

    It is over what `chat.search_words.search_vector` asks for. Outside a transaction. One that was interrupted is
    begun again.
    """
    new = f"{NAME}_new"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {new}")
        cursor.execute(_create(new))
        cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")
        cursor.execute(f"ALTER INDEX {new} RENAME TO {NAME}")


def is_built(connection: BaseDatabaseWrapper) -> bool:
    """Whether it is there, whole, and for the present CHAT_SEARCH_CONFIG."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indexrelid = to_regclass(%s) AND indisvalid",
            [NAME],
        )
        row = cursor.fetchone()
    return row is not None and f"'{settings.CHAT_SEARCH_CONFIG}'::regconfig" in row[0]


def _create(name: str) -> str:
    # The settings module lets nothing but a name be CHAT_SEARCH_CONFIG.
    vector = f"to_tsvector('{settings.CHAT_SEARCH_CONFIG}'::regconfig, COALESCE(text, ''))"
    return f"CREATE INDEX CONCURRENTLY {name} ON chat_message USING gin ({vector})"
