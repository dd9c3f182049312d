"""The work of accounts in the background."""

import logging
from datetime import timedelta
from smtplib import SMTPException
from typing import Final

from django.conf import settings
from django.utils import timezone
from django_tasks import task

from accounts.confirming import compose
from accounts.letters import next_letter_at, next_letter_of, note_letter
from accounts.models import Letter, User

logger = logging.getLogger(__name__)

ATTEMPTS: Final = 6
PAUSE: Final = timedelta(minutes=1)  # after the first attempt; doubled each time


@task()
def send_confirmation(user_id: str, email: str, attempt: int = 1) -> str:
    """Ask at an address whether it is this person's; what became of it."""
    user = User.objects.filter(pk=user_id, email=email, is_active=True).exclude(confirmed_email=email).first()
    if user is None:
        return "needless"
    kind, daily = Letter.Kind.CONFIRMATION, settings.EMAIL_CONFIRM_DAILY
    if next_letter_at(email, kind, daily=daily) or next_letter_of(user, kind, daily=daily):
        return "enough for today"
    try:
        compose(user).send()
    except (SMTPException, OSError) as error:
        # Without what the server said: it likes to repeat the address.
        logger.warning("a confirmation was not sent: %s", type(error).__name__, extra={"user": user_id})
        if attempt >= ATTEMPTS:
            return "given up"
        run_after = timezone.now() + PAUSE * 2 ** (attempt - 1)
        send_confirmation.using(run_after=run_after).enqueue(user_id, email, attempt + 1)
        return "later"
    note_letter(email, kind, user=user)
    return "sent"
