"""Who is told of whom, and who is whose contact: apps that bring people together say so, in a `contacts.py` of theirs.

    @contact_source
    def friends() -> QuerySet[Any, Any]:
        return Friendship.objects.values(person=F("one"), other=F("another"), is_contact=Value(True))

In each row the `other` is told what the `person` is to others; a contact sees what the person shows to contacts alone.
No app needs to know of another for it.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet

UserId = UUID | str
Source = Callable[[], QuerySet[Any, Any]]

sources: Final[dict[str, Source]] = {}
"""Every source by its name."""


def contact_source(function: Source) -> Source:
    """Register a function to rows of `person`, `other` (ids) and `is_contact`; pairs may be there twice, or of one."""
    sources[f"{function.__module__}.{function.__qualname__}"] = function
    return function


def relations(
    *, people: Iterable[UserId] | None = None, others: Iterable[UserId] | None = None
) -> dict[tuple[str, str], bool]:
    """The pairs there are of these (None: of all), and whether the other is a contact; those parted by a block, too."""
    ids = {"person__in": people, "other__in": others}
    asked = {name: list(some) for name, some in ids.items() if some is not None}
    found: dict[tuple[str, str], bool] = {}
    for source in sources.values():
        rows = source().filter(**asked).order_by().values_list("person", "other", "is_contact").distinct()
        for person, other, is_contact in rows:
            if person != other:
                pair = (str(person), str(other))
                found[pair] = is_contact or found.get(pair, False)
    return found


def shown_to(reader: UserId, people: Iterable[UserId]) -> set[str]:
    """The ids of those of the people of whom the reader is a contact."""
    found = relations(people=people, others=[reader])
    return {person for (person, _), is_contact in found.items() if is_contact}


def not_shown_to(reader: UserId, prefix: str = "") -> Q:
    """The same in the database: of whom the reader is none. `prefix` leads to the user (`user__`)."""
    strangers = ~Q(**{f"{prefix}pk": reader})
    for source in sources.values():
        people = source().filter(other=reader, is_contact=True).order_by().values("person")
        strangers &= ~Q(**{f"{prefix}pk__in": people})
    return strangers
