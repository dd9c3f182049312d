"""Time that passes in the database, and a worker that does what is due by then."""

from datetime import timedelta

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from accounts.models import Letter, User
from accounts.services import set_presence, update_account
from chat.models import Conversation, Departure, MailNotice, Message
from chat.services import mark_read


def pass_time(seconds: float | None = None) -> None:
    """All that was written was written so much earlier; by default a quiet period."""
    by = timedelta(seconds=settings.CHAT_MAIL_QUIET if seconds is None else seconds)
    MailNotice.objects.update(due_at=F("due_at") - by)
    Conversation.objects.update(mail_due_at=F("mail_due_at") - by)
    Departure.objects.update(at=F("at") - by)
    Letter.objects.update(sent_at=F("sent_at") - by)
    Message.objects.update(created_at=F("created_at") - by)
    DBTaskResult.objects.filter(run_after__lt=timezone.now() + timedelta(days=365)).update(
        run_after=F("run_after") - by
    )


def work() -> int:
    """Run all tasks that are due as a worker does; how many."""
    before = finished()
    # Its `run` would also close the connection, and with it the test's transaction.
    worker = Worker(
        queue_names=["*"],
        interval=0,
        batch=True,
        backend_name="default",
        startup_delay=False,
        max_tasks=None,
        worker_id="test",
        excluded_queue_names=[],
    )
    while (task := DBTaskResult.objects.ready().first()) is not None:
        task.claim("test")
        worker.run_task(task)
    failed = DBTaskResult.objects.failed().first()
    assert failed is None, failed.traceback
    return finished() - before


def finished() -> int:
    return DBTaskResult.objects.finished().count()


def later() -> None:
    """A quiet period passes, and the worker does its work."""
    pass_time()
    work()


def outcomes() -> list[str]:
    """Of all notices, in their order; empty for one that waits."""
    return list(MailNotice.objects.order_by("id").values_list("outcome", flat=True))


def give_address(*users: User) -> None:
    """So that they can get mail."""
    for user in users:
        address = f"{user.username}@example.com"
        update_account(user_id=user.pk, changes={"email": address, "confirmed_email": address})


def read(conversation: Conversation, user: User, position: int) -> None:
    mark_read(user_id=user.pk, message_id=conversation.messages.get(position=position).pk)


def come(user: User) -> None:
    """Their first device is there."""
    set_presence(user_id=user.pk, online=True)


def go(user: User) -> None:
    """Their last device has gone."""
    set_presence(user_id=user.pk, online=False)
