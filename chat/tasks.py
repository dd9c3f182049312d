"""The chat's work in the background.

A task holds no facts, it only wakes: what is due, and since when, stands in rows of the chat. So a task that is lost
with the worker that ran it loses nothing, and one too many finds nothing to do.
"""

import time
from collections import Counter
from contextlib import closing
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.utils import timezone
from django_tasks import task

from chat import postoffice
from chat.services import notices

TURN: Final = 5.0  # seconds; then the worker's other tasks have theirs


@task()
def send_due_mail() -> dict[str, int]:
    """Send the mail that is due; what became of how many."""
    if not notices.is_anything_due():
        return {}
    # Somebody comes after this worker if it is killed now.
    wake(timezone.now() + timedelta(seconds=settings.CHAT_MAIL_LEASE))
    notices.follow_departures()
    outcomes: Counter[str] = Counter()
    end = time.monotonic() + TURN
    with closing(postoffice.deliver()) as deliveries:
        for _, outcome in deliveries:
            outcomes[outcome] += 1
            if time.monotonic() > end:
                break
    if (at := notices.next_due()) is not None:
        wake(at)
    return dict(outcomes)


def wake(at: datetime) -> None:
    """Have a worker look for due mail at that time; in the transaction of what will be due."""
    send_due_mail.using(run_after=at).enqueue()
