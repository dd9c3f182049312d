"""How much mail goes to an address, or to all that one person names: so that nobody has others flooded by us."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Letter, User

DAY: Final = timedelta(days=1)


def next_letter_at(email: str, kind: Letter.Kind, *, daily: int) -> datetime | None:
    """When one more may go there; None if now. Two workers that ask at once may send one too many."""
    return _next(Letter.objects.filter(email=email.lower()), kind, daily)


def next_letter_of(user: User, kind: Letter.Kind, *, daily: int) -> datetime | None:
    """When this person may have us write one more, wherever it goes; None if now."""
    return _next(Letter.objects.filter(user=user), kind, daily)


def _next(letters: QuerySet[Letter], kind: Letter.Kind, daily: int) -> datetime | None:
    limit = max(daily, 1)
    sent = letters.filter(kind=kind, sent_at__gt=timezone.now() - DAY)
    latest = sent.order_by("-sent_at").values_list("sent_at", flat=True)[:limit]
    return min(latest) + DAY if len(latest) >= limit else None


@transaction.atomic
def note_letter(email: str, kind: Letter.Kind, *, user: User) -> None:
    """One has gone there because of this person; what is older than a day need not be known any more."""
    Letter.objects.filter(sent_at__lte=timezone.now() - DAY).delete()
    Letter.objects.create(email=email.lower(), kind=kind, user=user)
