"""`manage.py run`, behind `make run`: everything that a working demonstration needs, in one command."""

import os
import signal
import socket
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from realtime.server import BACKLOG, Server, config
from web import demo
from web.worker import Worker

HELP = """Prepare the data folder and the database, seed the demo in development, then serve
HTTP and WebSockets with a background worker beside, until Ctrl-C or SIGTERM.

Example: ENVIRONMENT=development manage.py run --port 8080"""


class Command(BaseCommand):
    """For one machine; with many, start `serve` and `db_worker` any number of times."""

    help = HELP

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Keep the line breaks of the help."""
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """`--host` and `--port`."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        # argparse converts a default that is a string, with its error for what is no number.
        parser.add_argument("--port", type=int, default=os.environ.get("PORT", "8000"), help="default: PORT, or 8000")

    def handle(self, *, host: str, port: int, **_: Any) -> None:
        """Prepare, then serve until a signal."""
        listener = listen(host, port)
        # uvicorn gives both signals back to whoever had them before; so the command ends by the same way for both.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            self._prepare()
            port = listener.getsockname()[1]
            RunServer(host, port, on_ready=lambda: self._tell(host, port)).run(sockets=[listener])
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")
        finally:
            listener.close()

    def _prepare(self) -> None:
        make_folder(settings.DATA_DIR)
        if count := unapplied_migrations():
            self._say(f"Preparing the database ({count} migrations) ...")
            call_command("migrate", interactive=False, verbosity=0)
        if settings.DEVELOPMENT:
            demo.seed()

    def _tell(self, host: str, port: int) -> None:
        address = f"http://{browsable(host)}:{port}/"
        lines = [f"Ready at {address}"]
        if settings.DEVELOPMENT:
            names = ", ".join(person.username for person in demo.PEOPLE)
            lines += [
                "",
                f"  Log in as   {names}: open two windows and talk",
                f"  Staff       {demo.ADMIN.username}, at {address}admin/",
                f"  Password    {demo.PASSWORD} (for all of them)",
                f"  REST API    {address}api/docs/",
                "",
            ]
        self._say("\n".join([*lines, "Stop with Ctrl-C."]))

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()  # also where the output is a file or a pipe


class RunServer(Server):
    """The production server, with a worker beside it."""

    def __init__(self, host: str, port: int, *, on_ready: Callable[[], None]) -> None:
        super().__init__(config(host=host, port=port))
        self._worker = Worker()
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """The worker comes last: it would only slow the start down."""
        await super().startup(sockets)
        self._on_ready()
        self._worker.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Both end."""
        await super().shutdown(sockets)
        await self._worker.stop()


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections already, before the work of starting; CommandError if the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        raise CommandError(
            f"Cannot listen on {host}, port {port}: {error}. Is a server running there? Choose another port, "
            f"for example: PORT={port + 1 if port < 65_535 else 8001} make run"
        ) from error


def make_folder(folder: Path) -> None:
    """The data folder is there; CommandError if it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"Cannot make the data folder: {error}. Set DATA_DIR to one that you may write.") from error


def unapplied_migrations() -> int:
    """How many are still to be applied; CommandError if the database does not answer."""
    try:
        executor = MigrationExecutor(connection)
    except OperationalError as error:
        raise CommandError(f"The database does not answer: {error}. Look at DATABASE_URL and DATA_DIR.") from error
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def browsable(host: str) -> str:
    """The host as a browser on this machine can be pointed to it."""
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104 -- only compared
        return "localhost"
    return f"[{host}]" if ":" in host else host
