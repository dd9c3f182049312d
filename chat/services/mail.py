"""What may lead to mail: something said to who is away, and going away from what is unread; and the way out of it.

Nothing here talks to a mail server. What is due stands in the database, and a background task is left with it that
looks there at that time (see `chat.tasks`).
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.services import update_profile
from chat import tasks
from chat.models import Conversation, Departure, Message
from chat.services.preferences import set_preferences

Id = UUID | str

FOR_EVER: Final = datetime(9999, 12, 31, tzinfo=UTC)


@transaction.atomic
def note_message(message: Message) -> None:
    """After the quiet period somebody looks who is away and has not read it.

    Here nobody does, and once a quiet period only is anything written: it is on the road of every message, under the
    conversation's lock. That lock also makes sure that whoever looks sees each message, or leaves it to the next.
    """
    conversation = message.conversation
    if conversation.mail_due_at is None:
        conversation.mail_due_at = timezone.now() + timedelta(seconds=settings.CHAT_MAIL_QUIET)
        conversation.save(update_fields=["mail_due_at"])
        tasks.wake(conversation.mail_due_at)


@transaction.atomic
def note_departure(user: User) -> None:
    """Somebody's last device has gone: what they left unread, they get mail about after the quiet period."""
    if not (user.is_active and user.mail_messages and user.mailbox):
        return
    departure = Departure(user=user, at=timezone.now())
    Departure.objects.bulk_create([departure], update_conflicts=True, unique_fields=["user"], update_fields=["at"])
    tasks.wake(departure.at + timedelta(seconds=settings.CHAT_MAIL_QUIET))


@transaction.atomic
def stop_mail(*, user_id: Id, conversation_id: Id | None = None) -> User:
    """No more mail about messages, or about those of one conversation, which is muted; User.DoesNotExist for nobody."""
    if conversation_id is None:
        return update_profile(user_id=user_id, mail_messages=False)
    with suppress(Conversation.DoesNotExist):  # who is in it no more gets no mail about it
        set_preferences(user_id=user_id, conversation_id=conversation_id, muted_until=FOR_EVER)
    return User.objects.get(pk=user_id)
