"""Who counts as somebody's contact: apps that bring people together say so, in a `contacts.py` of theirs.

    @contact_source
    def conversation_partners(user_id: UserId) -> QuerySet[User]: ...

Contacts are mutual. No app needs to know of another for it.
"""

from collections.abc import Callable, Iterable
from typing import Final
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User

UserId = UUID | str
Source = Callable[[UserId], QuerySet[User]]

sources: Final[dict[str, Source]] = {}
"""Every source by its name."""


def contact_source(function: Source) -> Source:
    """Register a function from a user to people whom that user knows; the user may be among them, or somebody twice."""
    sources[f"{function.__module__}.{function.__qualname__}"] = function
    return function


def contacts_of(user: UserId) -> set[str]:
    """The ids of all contacts of the user, blocked ones too."""
    return _ids(source(user) for source in sources.values()) - {str(user)}


def contacts_among(user: UserId, people: Iterable[UserId]) -> set[str]:
    """The ids of those of the people who are contacts of the user."""
    asked = list(people)
    return _ids(source(user).filter(pk__in=asked) for source in sources.values()) - {str(user)}


def _ids(found: Iterable[QuerySet[User]]) -> set[str]:
    return {str(pk) for users in found for pk in users.order_by().values_list("pk", flat=True).distinct()}
