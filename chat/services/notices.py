"""The way of a notice: it falls due, is claimed, judged and settled.

A claim is a lease. It is committed before anything goes to a mail server, so that no two workers send one mail; who
claimed it and was killed before it was settled has lost it when the lease is over, and it is claimed again. Only a
worker that is killed between the mail server's "accepted" and the commit right after it makes a mail go twice; both
then have one Message-ID, by which mail systems know them for one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from accounts.letters import next_letter_at, note_letter
from accounts.models import Letter, User
from chat.models import Conversation, Departure, MailNotice, Membership, Message
from chat.selectors import unread_messages

Outcome = MailNotice.Outcome
BATCH: Final = 100  # departures that are followed up in one transaction


@dataclass(frozen=True, slots=True)
class Digest:
    """What one mail tells."""

    notice: MailNotice
    user: User
    conversation: Conversation
    messages: list[Message]
    count: int  # of all that is unread; `messages` has the first of them
    last_position: int


def is_anything_due() -> bool:
    """Whether there is work."""
    return _due().exists() or _stirred().exists() or _departed().exists()


def next_due() -> datetime | None:
    """When there is work again; None if nothing waits."""
    notice = MailNotice.objects.filter(done_at=None).aggregate(at=Min("due_at"))["at"]
    stirred = Conversation.objects.exclude(mail_due_at=None).aggregate(at=Min("mail_due_at"))["at"]
    departure = Departure.objects.aggregate(at=Min("at"))["at"]
    times = [notice, stirred, departure and departure + _quiet()]
    return min((at for at in times if at is not None), default=None)


def _due() -> QuerySet[MailNotice]:
    return MailNotice.objects.filter(done_at=None, due_at__lte=timezone.now())


def _stirred() -> QuerySet[Conversation]:
    return Conversation.objects.filter(mail_due_at__lte=timezone.now())


def _departed() -> QuerySet[Departure]:
    return Departure.objects.filter(at__lte=timezone.now() - _quiet())


def _quiet() -> timedelta:
    return timedelta(seconds=settings.CHAT_MAIL_QUIET)


def look_around() -> None:
    """Whoever is away and has something unread, now that a quiet period is over, gets a notice for each conversation.

    So late, because a message can be on its way into the database while its reader goes: by now it is there.
    """
    while _look_into_conversation():
        pass
    while _follow_departures():
        pass


@transaction.atomic
def _look_into_conversation() -> bool:
    locked = _stirred().select_for_update(of=("self",), skip_locked=True, no_key=True)
    conversation = locked.order_by("mail_due_at").first()
    if conversation is None:
        return False
    # A query of its own, after the lock: messages that had it before are seen, later ones find null.
    _give_notice(Membership.objects.filter(conversation=conversation, user__is_online=False))
    conversation.mail_due_at = None
    conversation.save(update_fields=["mail_due_at"])
    return True


@transaction.atomic
def _follow_departures() -> bool:
    departures = list(
        _departed().select_for_update(of=("self",), skip_locked=True).select_related("user").order_by("at")[:BATCH]
    )
    away = [departure.user_id for departure in departures if not departure.user.is_online]
    _give_notice(Membership.objects.filter(user__in=away))
    Departure.objects.filter(pk__in=[departure.pk for departure in departures]).delete()
    return len(departures) == BATCH


def _give_notice(members: QuerySet[Membership]) -> None:
    now = timezone.now()
    unread = unread_messages(OuterRef("user_id")).filter(
        conversation=OuterRef("conversation_id"), position__gt=OuterRef("mailed_position")
    )
    found = (
        members.filter(Q(muted_until=None) | Q(muted_until__lte=now), user__is_active=True, user__mail_messages=True)
        .filter(user__email=F("user__confirmed_email"))
        .exclude(user__email="")
        .exclude(Exists(MailNotice.objects.filter(membership=OuterRef("pk"), done_at=None)))
        .annotate(first=Subquery(unread.order_by("position").values("position")[:1]))
        .exclude(first=None)
        .values_list("pk", "first")
    )
    notices = [MailNotice(membership_id=pk, first_position=first, due_at=now) for pk, first in found]
    MailNotice.objects.bulk_create(notices, ignore_conflicts=True)


@transaction.atomic
def claim() -> MailNotice | None:
    """One that is due, for nobody else until the lease is over; None if none is."""
    notice = _due().select_for_update(of=("self",), skip_locked=True).order_by("due_at").first()
    if notice is not None:
        notice.attempts += 1
        notice.due_at = timezone.now() + timedelta(seconds=settings.CHAT_MAIL_LEASE)
        notice.save(update_fields=["attempts", "due_at"])
    return notice


def judge(notice: MailNotice) -> Digest | Outcome | datetime | None:
    """What is to be mailed; or why nothing is; or when to look again; None if there is no such member any more."""
    fresh = MailNotice.objects.select_related("membership__user__chat_departure", "membership__conversation")
    found = fresh.filter(pk=notice.pk).first()
    if found is None:
        return None
    return _obstacle(found.membership) or _digest(found)


def _obstacle(membership: Membership) -> Outcome | None:
    user = membership.user
    if not (user.is_active and user.mail_messages and user.mailbox):
        return Outcome.OFF
    if membership.is_muted:
        return Outcome.MUTED
    # Whoever goes offline again leaves a Departure, which makes another notice of what is unread still.
    return Outcome.ONLINE if user.is_online else None


def _digest(notice: MailNotice) -> Digest | Outcome | datetime:
    membership = notice.membership
    unread = unread_messages(membership.user_id).filter(
        conversation=membership.conversation_id, position__gt=membership.mailed_position
    )
    facts = unread.aggregate(count=Count("pk"), first_at=Min("created_at"), last=Max("position"))
    if not facts["count"]:
        return Outcome.READ
    departure: Departure | None = getattr(membership.user, "chat_departure", None)
    enough_until = next_letter_at(membership.user.mailbox, Letter.Kind.MESSAGES, daily=settings.CHAT_MAIL_DAILY)
    times = [facts["first_at"] + _quiet(), departure and departure.at + _quiet(), enough_until]
    ready_at: datetime = max(at for at in times if at is not None)
    if ready_at > timezone.now():
        return ready_at
    shown = unread.filter(position__lte=facts["last"]).select_related("sender").order_by("position")
    messages = list(shown[: settings.CHAT_MAIL_MESSAGES])
    return Digest(notice, membership.user, membership.conversation, messages, facts["count"], facts["last"])


@transaction.atomic
def settle_sent(digest: Digest) -> None:
    """It has gone: what it told is not mailed again."""
    _lock(digest.notice)
    note_letter(digest.user.mailbox, Letter.Kind.MESSAGES, user=digest.user)
    membership = Membership.objects.select_for_update(no_key=True).filter(pk=digest.notice.membership_id).first()
    if membership is not None and membership.mailed_position < digest.last_position:
        membership.mailed_position = digest.last_position
        membership.save(update_fields=["mailed_position"])
    settle(digest.notice, Outcome.SENT)


@transaction.atomic
def settle(notice: MailNotice, outcome: Outcome) -> None:
    """It is over. What was said since it was judged waits in a notice of its own, if somebody has looked meanwhile.

    Who looked made none beside this one, and will not look again.
    """
    _lock(notice)
    MailNotice.objects.filter(pk=notice.pk, done_at=None).update(done_at=timezone.now(), outcome=outcome)
    if outcome in {Outcome.SENT, Outcome.READ}:
        _give_notice(Membership.objects.filter(pk=notice.membership_id, user__is_online=False))


def _lock(notice: MailNotice) -> None:
    """The conversation, as who says something there, or looks around, has it."""
    conversations = Conversation.objects.select_for_update(of=("self",), no_key=True)
    list(conversations.filter(memberships=notice.membership_id).values_list("pk"))


def put_off(notice: MailNotice, until: datetime) -> None:
    """It was too early; that is no attempt."""
    MailNotice.objects.filter(pk=notice.pk, done_at=None).update(due_at=until, attempts=F("attempts") - 1)


def is_spent(notice: MailNotice) -> bool:
    """Whether its last attempt was over before this one: workers were killed in the midst of it."""
    return notice.attempts > 1 + int(settings.CHAT_MAIL_RETRIES)


def try_again(notice: MailNotice) -> bool:
    """Later, and later each time; False if it has been tried often enough and is given up."""
    if notice.attempts > settings.CHAT_MAIL_RETRIES:
        settle(notice, Outcome.FAILED)
        return False
    due_at = timezone.now() + timedelta(seconds=settings.CHAT_MAIL_RETRY_DELAY * 2 ** (notice.attempts - 1))
    MailNotice.objects.filter(pk=notice.pk, done_at=None).update(due_at=due_at)
    return True


def wait_for_the_server() -> None:
    """The mail server is away: what else is due need not try it now, and has not."""
    _due().update(due_at=timezone.now() + timedelta(seconds=settings.CHAT_MAIL_RETRY_DELAY))


def forget(*, before: datetime) -> int:
    """Delete the notices that were over before then; returns how many."""
    return MailNotice.objects.filter(done_at__lt=before).delete()[0]
