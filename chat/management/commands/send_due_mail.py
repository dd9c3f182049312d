"""`manage.py send_due_mail`: what the background task does, now and to the end."""

from argparse import RawDescriptionHelpFormatter
from collections import Counter
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from chat import tasks
from chat.services import notices

HELP = """Send the mail about unread messages that is due. The background worker does so by itself; this is for a cron
that makes sure of it, and for repair. Any number may run at the same time, beside workers too.

Examples:
  manage.py send_due_mail                 now, all of it, with a line for each
  manage.py send_due_mail --later         leave it to a worker, and return at once
  manage.py send_due_mail --forget 30     delete the records of mail that was over 30 days ago, too"""


class Command(BaseCommand):
    """Ends with an error if some of the mail could not be sent."""

    help = HELP

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Keep the line breaks of the help."""
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """`--later` and `--forget`."""
        parser.add_argument("--later", action="store_true", help="have a worker do it")
        parser.add_argument("--forget", type=int, metavar="DAYS", help="delete older records of what is over")

    def handle(self, *, later: bool, forget: int | None, verbosity: int, **_: Any) -> None:
        """Do it, and tell."""
        if forget is not None:
            if forget < 0:
                raise CommandError("--forget takes a number of days, 0 or more.")
            count = notices.forget(before=timezone.now() - timedelta(days=forget))
            self.stdout.write(f"{count} records deleted.")
        if later:
            tasks.wake(timezone.now())
            if verbosity:
                self.stdout.write("A worker will look for it.")
        else:
            self._send()

    def _send(self) -> None:
        outcomes: Counter[str] = Counter()
        with tasks.deliveries() as delivered:
            for notice, outcome in delivered:
                outcomes[outcome] += 1
                self.stdout.write(f"{notice.pk}: {outcome}")
                self.stdout.flush()
        told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
        self.stdout.write(f"{outcomes.total()} were due: {told}." if outcomes else "Nothing was due.")
        if failed := outcomes[notices.Outcome.FAILED] + outcomes[notices.Outcome.REFUSED]:
            raise CommandError(f"{failed} could not be sent and are given up. The log says why.")
