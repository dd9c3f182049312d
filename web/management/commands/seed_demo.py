"""`manage.py seed_demo`: the people and conversations of the demo."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from web import demo


class Command(BaseCommand):
    """Again, it changes nothing."""

    help = "Make the demo users alice, bob, carol and admin, with two conversations. Only in development."

    def handle(self, **_: Any) -> None:
        """Seed."""
        try:
            demo.seed()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        names = ", ".join(person.username for person in (*demo.PEOPLE, demo.ADMIN))
        self.stdout.write(f"The demo is there: {names}; password {demo.PASSWORD}")
