"""Who belongs to what is a row of a model of its own: Django sends no signal when an automatic table loses a row."""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.db import models
from django.test.utils import isolate_apps

OF_DJANGO = {"groups", "user_permissions", "permissions"}  # of `auth`, which nobody is told of


def automatic(kinds: Iterable[type[models.Model]]) -> list[str]:
    """Their many-to-many fields whose table Django makes by itself."""
    fields: list[Any] = [field for kind in kinds for field in kind._meta.local_many_to_many]
    return [str(field) for field in fields if field.remote_field.through._meta.auto_created]


def test_no_model_has_an_automatic_table_of_pairs() -> None:
    found = [name for name in automatic(apps.get_models()) if name.rpartition(".")[2] not in OF_DJANGO]
    assert not found, f"{found}: name a model in `through`, and tell of its rows"


@isolate_apps("chat")
def test_the_rule_finds_one() -> None:
    class Guest(models.Model):  # noqa: DJ008 -- nobody prints it
        class Meta:
            app_label = "chat"

    class Party(models.Model):  # noqa: DJ008
        guests = models.ManyToManyField(Guest)

        class Meta:
            app_label = "chat"

    assert automatic([Guest, Party]) == ["chat.Party.guests"]
