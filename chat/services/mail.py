"""What may lead to mail: something said to who is away, and going away from what is unread; and the way out of it.

Nothing here talks to a mail server. What is due stands in the database, and a background task is left with it that
looks there at that time (see `chat.tasks`).
"""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts.models import User
from accounts.services import update_profile
from chat import tasks
from chat.models import Departure, MailNotice, Membership, Message

Id = UUID | str

FOR_EVER: Final = datetime(9999, 12, 31, tzinfo=UTC)


@transaction.atomic
def note_message(message: Message) -> None:
    """Members who are away get mail after the quiet period, if the message is unread then.

    One query where nobody needs it, three where somebody does, however many: in a large conversation it is on the
    road of every message.
    """
    now = timezone.now()
    waiting = MailNotice.objects.filter(membership=OuterRef("pk"), done_at=None)
    absent = (
        Membership.objects.filter(_wants_mail(now), conversation_id=message.conversation_id, user__is_online=False)
        .exclude(user_id=message.sender_id)
        .exclude(user__blocks_made__blocked=message.sender_id)
        .exclude(user__blocks_received__blocker=message.sender_id)
        .filter(~Exists(waiting))
    )
    due_at = now + timedelta(seconds=settings.CHAT_MAIL_QUIET)
    notices = [
        MailNotice(membership_id=membership, first_position=message.position, due_at=due_at)
        for membership in absent.values_list("pk", flat=True)
    ]
    if notices:
        MailNotice.objects.bulk_create(notices, ignore_conflicts=True)
        tasks.wake(due_at)


def _wants_mail(now: datetime) -> Q:
    is_muted = Q(muted_until__gt=now)
    return Q(user__is_active=True, user__mail_messages=True) & ~Q(user__email="") & (Q(muted_until=None) | ~is_muted)


@transaction.atomic
def note_departure(user: User) -> None:
    """Somebody's last device has gone: what they left unread, they get mail about after the quiet period."""
    if not (user.is_active and user.mail_messages and user.email):
        return
    departure = Departure(user=user, at=timezone.now())
    Departure.objects.bulk_create([departure], update_conflicts=True, unique_fields=["user"], update_fields=["at"])
    tasks.wake(departure.at + timedelta(seconds=settings.CHAT_MAIL_QUIET))


@transaction.atomic
def stop_mail(*, user_id: Id, conversation_id: Id | None = None) -> User:
    """No more mail about messages, or about those of one conversation, which is muted; User.DoesNotExist for nobody."""
    if conversation_id is None:
        return update_profile(user_id=user_id, mail_messages=False)
    memberships = Membership.objects.select_for_update(no_key=True).filter(conversation_id=conversation_id)
    if membership := memberships.filter(user_id=user_id).first():
        membership.muted_until = FOR_EVER
        membership.save(update_fields=["muted_until"])
    return User.objects.get(pk=user_id)
