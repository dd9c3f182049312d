"""How much mail goes to an address: so that nobody can have somebody else's flooded by us."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from accounts.models import Letter

DAY: Final = timedelta(days=1)


def next_letter_at(email: str, kind: Letter.Kind, *, daily: int) -> datetime | None:
    """When one more may go there; None if now. Two workers that ask at once may send one too many."""
    limit = max(daily, 1)
    sent = Letter.objects.filter(email=email.lower(), kind=kind, sent_at__gt=timezone.now() - DAY)
    latest = sent.order_by("-sent_at").values_list("sent_at", flat=True)[:limit]
    return min(latest) + DAY if len(latest) >= limit else None


@transaction.atomic
def note_letter(email: str, kind: Letter.Kind) -> None:
    """One has gone there; what is older than a day need not be known any more."""
    Letter.objects.filter(sent_at__lte=timezone.now() - DAY).delete()
    Letter.objects.create(email=email.lower(), kind=kind)
