"""`manage.py serve`: one production server process."""

import os
from argparse import RawDescriptionHelpFormatter
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from realtime.server import serve


class Command(BaseCommand):
    """Start any number of these behind a balancer, with REDIS_URL and DATABASE_URL set."""

    help = "Serve HTTP and WebSockets with uvicorn.\n\nExample: manage.py serve --host 0.0.0.0 --port 8000"

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Keep the line breaks of the help."""
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """`--host` and `--port`."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument(
            "--port", type=int, default=int(os.environ.get("PORT", "8000")), help="default: PORT, or 8000"
        )

    def handle(self, *, host: str, port: int, **_: Any) -> None:
        """Serve until a signal."""
        with suppress(KeyboardInterrupt):  # uvicorn ends in order, then raises the signal once more
            serve(host=host, port=port)
