"""Pages of a conversation's history, by position.

Not by id or time: a row can commit later than one with a higher UUIDv7, and a page would miss it;
positions are given under the conversation's lock, in the order of commits.
"""

from typing import TypedDict
from urllib.parse import urlencode

from django.db.models import QuerySet

from chat.models import Message


class Page(TypedDict):
    """Some messages, and the URLs of the newer and of the older ones."""

    next: str | None
    previous: str | None
    results: list[Message]


def page(
    messages: QuerySet[Message], *, url: str, limit: int, before: int | None = None, after: int | None = None
) -> Page:
    """`{next, previous, results}` in ascending order; without bounds, the newest `limit`."""
    if after is not None:
        rows = list(messages.filter(position__gt=after).order_by("position")[: limit + 1])
        has_newer, rows = len(rows) > limit, rows[:limit]
        has_older = after > 0
    else:
        older = messages if before is None else messages.filter(position__lt=before)
        rows = list(older.order_by("-position")[: limit + 1])
        has_older, rows = len(rows) > limit, rows[:limit][::-1]
        has_newer = before is not None
    first = rows[0].position if rows else (after or 0) + 1
    last = rows[-1].position if rows else (before or 1) - 1
    return {
        "next": _link(url, after=last, limit=limit) if has_newer else None,
        "previous": _link(url, before=first, limit=limit) if has_older else None,
        "results": rows,
    }


def _link(url: str, **query: int) -> str:
    return f"{url}?{urlencode(query)}"
