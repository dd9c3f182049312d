"""The chat's work in the background.

A task holds no facts, it only wakes: what is due, and since when, stands in rows of the chat. So a task that is lost
with the worker that ran it loses nothing, and one too many finds nothing to do.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.utils import timezone
from django_tasks import TaskResultStatus, task
from django_tasks_db.models import DBTaskResult

from chat import postoffice
from chat.models import MailNotice
from chat.services import notices

TURN: Final = 5.0  # seconds; then the worker's other tasks have theirs


@task()
def send_due_mail() -> dict[str, int]:
    """Send the mail that is due; what became of how many."""
    outcomes: Counter[str] = Counter()
    end = time.monotonic() + TURN
    with deliveries() as delivered:
        for _, outcome in delivered:
            outcomes[outcome] += 1
            if time.monotonic() > end:
                break
    return dict(outcomes)


@contextmanager
def deliveries() -> Iterator[Iterator[tuple[MailNotice, str]]]:
    """What is due, delivered while it is read; somebody comes after this process, even if it is killed in the midst."""
    if notices.is_anything_due():
        wake(timezone.now() + timedelta(seconds=settings.CHAT_MAIL_LEASE))
        notices.look_around()
    with closing(postoffice.deliver()) as delivered:
        yield delivered
    if (at := notices.next_due()) is not None and not _is_woken_by(at):
        wake(at)


def wake(at: datetime) -> None:
    """Have a worker look for due mail at that time; in the transaction of what will be due."""
    send_due_mail.using(run_after=at).enqueue()


def _is_woken_by(at: datetime) -> bool:
    # Else there would be one task more for each that has run, for as long as anything waits.
    ready = DBTaskResult.objects.filter(status=TaskResultStatus.READY, task_path=send_due_mail.module_path)
    return ready.filter(run_after__lte=at).exists()
