"""`manage.py clear_attachments`: uploads that were never sent, and files without a row."""

from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from chat.services import clear_orphans, clear_unsent

HELP = """Remove uploads that are in no message after CHAT_UPLOAD_TTL seconds, and stored files that
belong to no attachment (left where a process or the storage was cut off). Run it daily; it can run at
any time, and again.

Example: manage.py clear_attachments --dry-run"""

Clear = Callable[..., Iterator[int]]


class Command(BaseCommand):
    """Tells how far it is, batch by batch."""

    help = HELP

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Keep the line breaks of the help."""
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """`--dry-run` and `--older-than`."""
        parser.add_argument("--dry-run", action="store_true", help="tell what would be removed, and remove nothing")
        parser.add_argument(
            "--older-than",
            type=int,
            default=settings.CHAT_UPLOAD_TTL,
            metavar="SECONDS",
            help="(default CHAT_UPLOAD_TTL: %(default)s); not less than an upload takes",
        )

    def handle(self, *, dry_run: bool, older_than: int, **_: Any) -> None:
        """Both, one after the other."""
        if older_than < 0:
            raise CommandError("--older-than takes seconds: 0 or more.")
        before = timezone.now() - timedelta(seconds=older_than)
        self._clear(clear_unsent, "uploads in no message", before, dry_run)
        self._clear(clear_orphans, "stored files without a row", before, dry_run)

    def _clear(self, clear: Clear, what: str, before: datetime, is_trial: bool) -> None:
        total = 0
        for count in clear(before=before, is_trial=is_trial):
            total += count
            if count:
                self.stdout.write(f"  {total} ...")
        self.stdout.write(f"{total} {what} {'would be ' if is_trial else ''}removed")
