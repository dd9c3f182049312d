"""Due notices become mail. Where the mail server makes trouble they wait, longer each time, or are given up."""

import logging
from collections.abc import Generator
from contextlib import closing
from datetime import datetime
from enum import Enum
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused, SMTPResponseException
from typing import Any, Final

from django.core.mail import get_connection

from chat.letters import compose
from chat.models import MailNotice
from chat.services import notices
from chat.services.notices import Digest

logger = logging.getLogger(__name__)

Outcome = MailNotice.Outcome
LATER: Final = "later"


class Trouble(Enum):
    """What a failure says."""

    REFUSED = "this mail is refused for good"
    DELAYED = "this mail is refused for now"
    AWAY = "no mail can be sent now"


def deliver() -> Generator[tuple[MailNotice, str], None, None]:
    """Claim what is due, one after the other, and do it; each with its outcome, or `later`.

    Who stops asking leaves the rest to the next.
    """
    with closing(get_connection()) as connection:
        while (notice := notices.claim()) is not None:
            yield notice, _handle(notice, connection)


def _handle(notice: MailNotice, connection: Any) -> str:
    if notices.is_spent(notice):
        return _give_up(notice, Outcome.FAILED, "its workers died of it")
    verdict = notices.judge(notice)
    if isinstance(verdict, Digest):
        return _send(verdict, notice, connection)
    if isinstance(verdict, datetime):
        notices.put_off(notice, verdict)
        return LATER
    if verdict is not None:
        notices.settle(notice, verdict)
    return verdict or "gone"


def _send(digest: Digest, notice: MailNotice, connection: Any) -> str:
    mail = compose(digest)
    try:
        connection.open()
        connection.send_messages([mail])
    except (SMTPException, OSError, ValueError) as error:
        connection.close()  # whatever state it is in
        return _fail(notice, error)
    notices.settle_sent(digest)
    return Outcome.SENT


def _fail(notice: MailNotice, error: Exception) -> str:
    kind = trouble(error)
    if kind is Trouble.REFUSED:
        return _give_up(notice, Outcome.REFUSED, reason(error))
    if kind is Trouble.AWAY:
        notices.wait_for_the_server()
    logger.warning("%s: %s", kind.value, reason(error), extra=_facts(notice))
    if notices.try_again(notice):
        return LATER
    logger.error("a mail is given up after %s attempts", notice.attempts, extra=_facts(notice))
    return Outcome.FAILED


def _give_up(notice: MailNotice, outcome: Outcome, why: str) -> str:
    logger.warning("a mail is given up: %s", why, extra=_facts(notice))
    notices.settle(notice, outcome)
    return outcome


def _facts(notice: MailNotice) -> dict[str, str]:
    return {"notice": str(notice.pk), "membership": str(notice.membership_id)}


def trouble(error: Exception) -> Trouble:
    """What to make of it."""
    match error:
        case SMTPRecipientsRefused():
            codes = [code for code, _ in error.recipients.values()]
            return Trouble.REFUSED if all(map(_is_permanent, codes)) else Trouble.DELAYED
        case SMTPDataError():
            return Trouble.REFUSED if _is_permanent(error.smtp_code) else Trouble.DELAYED
        case ValueError():
            return Trouble.REFUSED
    return Trouble.AWAY  # also a sender or a password that is refused: that is a mistake in the settings


def _is_permanent(code: int) -> bool:
    return 500 <= code < 600


def reason(error: Exception) -> str:
    """For the log: without the address, which servers like to repeat in what they say."""
    match error:
        case SMTPRecipientsRefused():
            codes = ", ".join(str(code) for code, _ in error.recipients.values())
            return f"the recipient is refused with {codes}"
        case SMTPResponseException():
            return f"{type(error).__name__} {error.smtp_code}"
        case ValueError():
            return "the address is none"
    return repr(error)
