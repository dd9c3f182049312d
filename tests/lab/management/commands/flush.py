"""`flush`, as tests with transactions run it after themselves: faster than Django's, and not upset by servers."""

from typing import Any, Final

from django.core.management.base import BaseCommand
from django.db import IntegrityError, OperationalError, connection, transaction

KEPT: Final = {"django_migrations", "django_content_type", "auth_permission"}  # so nothing has to be made anew
ATTEMPTS: Final = 5


class Command(BaseCommand):
    """Deletes the rows of all tables that have any.

    A server process of the test may still be at work on a client that has just gone. TRUNCATE locks every table, and
    then the two can wait for each other; so can deleting, of which PostgreSQL ends one. It is done again.
    """

    stealth_options = ("interactive", "database", "reset_sequences", "allow_cascade", "inhibit_post_migrate")

    def handle(self, **_: Any) -> None:
        for attempt in range(ATTEMPTS):
            try:
                with transaction.atomic():
                    _empty()
            except (OperationalError, IntegrityError):
                if attempt == ATTEMPTS - 1:
                    raise
            else:
                return


def _empty() -> None:
    tables = sorted(set(connection.introspection.table_names()) - KEPT)
    names = [connection.ops.quote_name(table) for table in tables]
    with connection.cursor() as cursor:
        # One question for all of them: most are empty after most tests.
        asked = [f"SELECT {n} WHERE EXISTS (SELECT 1 FROM {name})" for n, name in enumerate(names)]  # noqa: S608
        cursor.execute(" UNION ALL ".join(asked))
        for (number,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {names[number]}")  # noqa: S608 -- names are of our own tables
