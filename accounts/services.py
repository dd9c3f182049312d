"""Every write of accounts.

Passwords are hashed before a transaction begins: that takes a good part of a second, and SQLite
has one writer at a time.
"""

from datetime import UTC, datetime
from typing import Any, Final, TypedDict, Unpack
from uuid import UUID

from django.contrib.auth import authenticate
from django.contrib.auth.models import update_last_login
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.exceptions import WrongCredentials
from accounts.models import Block, Status, User
from accounts.presence import is_invisible
from accounts.tasks import send_confirmation

UserId = UUID | str
EXPIRING: Final = 100  # statuses that end in one transaction


class Profile(TypedDict, total=False):
    """What people say of themselves; what is left out stays as it is."""

    email: str
    display_name: str
    avatar: str
    mail_messages: bool


class Privacy(TypedDict, total=False):
    """Who may see what of a person; what is left out stays as it is."""

    presence_shown_to: str
    last_seen_shown_to: str


def register_user(*, username: str, password: str, email: str = "", display_name: str = "") -> User:
    """A new account; ValidationError with code `conflict` if the name is taken, in any case."""
    user = User(username=username, email=email, display_name=display_name)
    user.full_clean(exclude={"password"}, validate_unique=False, validate_constraints=False)
    _check_password_rules(password, user, field="password")
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            _ask_at_address(user)
    except IntegrityError as error:
        if not User.objects.named(username).exists():
            raise
        raise ValidationError("This username is taken.", code="conflict") from error
    return user


def log_in(*, username: str, password: str, request: HttpRequest | None = None) -> User:
    """Who has this name and password; WrongCredentials, after the same time for an unknown name."""
    user = authenticate(request, username=username, password=password)
    if user is None:
        raise WrongCredentials
    with transaction.atomic():
        update_last_login(None, user)  # type: ignore[arg-type]
    return user


def change_password(*, user_id: UserId, old_password: str, new_password: str) -> User:
    """Set another password, which ends every older token; ValidationError names the field at fault."""
    user = User.objects.get(pk=user_id)
    if not user.check_password(old_password):
        raise ValidationError({"old_password": ["This is not your present password."]})
    _check_password_rules(new_password, user, field="new_password")
    checked = user.password
    user.set_password(new_password)
    with transaction.atomic():
        if _locked(user_id).password != checked:
            raise ValidationError("The password was changed in the meantime.", code="conflict")
        user.save(update_fields=["password"])
    return user


def _check_password_rules(password: str, user: User, *, field: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationError({field: error.messages}) from error


@transaction.atomic
def log_out_everywhere(*, user_id: UserId) -> User:
    """End every token that the user has."""
    user = _locked(user_id)
    user.token_generation += 1
    user.save(update_fields=["token_generation"])
    return user


def deactivate_user(*, user_id: UserId) -> User:
    """Shut the account."""
    return update_account(user_id=user_id, changes={"is_active": False})


@transaction.atomic
def update_profile(*, user_id: UserId, **changes: Unpack[Profile]) -> User:
    """Change what is given and nothing else."""
    return _update(_locked(user_id), dict(changes))


@transaction.atomic
def confirm_email(*, user_id: UserId, email: str) -> User:
    """The address is theirs: whoever says so got the letter. User.DoesNotExist if it is not the present one."""
    user = User.objects.select_for_update(no_key=True).get(pk=user_id, email=email, is_active=True)
    return _update(user, {"confirmed_email": email})


def _ask_at_address(user: User) -> None:
    """The worker sends a letter, if it is not known to be theirs. Asking for the same address again sends another."""
    if user.email and not user.mailbox:
        send_confirmation.enqueue(str(user.pk), user.email)


@transaction.atomic
def update_account(*, user_id: UserId, changes: dict[str, Any]) -> User:
    """Staff change any plain field; the others keep what was written to them in the meantime."""
    user = _locked(user_id)
    if changes.get("is_active") is False:
        # Its tokens stay dead even if the account is opened again.
        changes = {**changes, "token_generation": user.token_generation + 1}
    return _update(user, changes)


def _update(user: User, changes: dict[str, Any]) -> User:
    for name, value in changes.items():
        setattr(user, name, value)
    user.clean_fields(exclude={field.name for field in User._meta.fields} - changes.keys())
    user.clean()
    user.save(update_fields=list(changes))
    if "email" in changes:
        _ask_at_address(user)
    return user


def _locked(user_id: UserId) -> User:
    """Until the transaction ends; rows that refer to the user can be added meanwhile (`no_key`)."""
    return User.objects.select_for_update(no_key=True).get(pk=user_id)


@transaction.atomic
def set_presence(*, user_id: UserId, online: bool) -> User | None:
    """Note whether the user is here, and when others last saw that; None for a deleted one."""
    user = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
    if user is None:
        return None
    user.is_online = online
    if not is_invisible(user):
        user.last_seen_at = timezone.now()
    user.save(update_fields=["is_online", "last_seen_at"])
    return user


@transaction.atomic
def reset_presence() -> None:
    """Nobody is online: the only server has just started."""
    # Row by row: an update() would fire no signal, and there are only as many as were online in a crash.
    for user_id in User.objects.filter(is_online=True).values_list("pk", flat=True):
        set_presence(user_id=user_id, online=False)


@transaction.atomic
def set_status(*, user_id: UserId, status: str, text: str = "", expires_at: datetime | None = None) -> User:
    """What the user wants to be for others, on all devices; what is left out is none.

    `offline` is invisible. From `expires_at` on the user is online again, without a text.
    """
    if expires_at is not None and _in_utc(expires_at) <= timezone.now():
        raise ValidationError({"expires_at": ["This is in the past."]})
    ProhibitNullCharactersValidator()(text)
    return _appear(_locked(user_id), {"status": status, "status_text": text.strip(), "status_expires_at": expires_at})


def _in_utc(moment: datetime) -> datetime:
    # PostgreSQL keeps what is after the year 9999 there, and then no row that has it can be read by anybody.
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValidationError({"expires_at": ["This is out of range."]}) from error


@transaction.atomic
def expire_statuses() -> int:
    """Take back what has expired, some of it; returns how much. What another process is at is left to it."""
    due = User.objects.filter(status_expires_at__lte=timezone.now()).order_by("status_expires_at")
    users = list(due.select_for_update(skip_locked=True, no_key=True)[:EXPIRING])
    for user in users:
        _appear(user, {"status": Status.ONLINE, "status_text": "", "status_expires_at": None})
    return len(users)


def _appear(user: User, changes: dict[str, Any]) -> User:
    was_hidden = user.status == Status.OFFLINE
    if user.is_online and was_hidden != (changes["status"] == Status.OFFLINE):
        changes = {**changes, "last_seen_at": timezone.now()}  # until now, or from now on, others see it
    return _update(user, changes)


@transaction.atomic
def update_privacy(*, user_id: UserId, **changes: Unpack[Privacy]) -> User:
    """Change what is given and nothing else."""
    return _update(_locked(user_id), dict(changes))


@transaction.atomic
def block_user(*, blocker_id: UserId, blocked_id: UserId) -> Block:
    """Block someone; blocking again changes nothing. User.DoesNotExist for nobody, TooManyBlocks past the limit."""
    blocked = User.objects.get(pk=blocked_id)
    if str(blocked.pk) == str(blocker_id):
        raise ValidationError({"user_id": ["Nobody can block themselves."]})
    _lock_pair(blocker_id, blocked_id)  # one at a time, so that none is over the limit
    if known := Block.objects.filter(blocker__pk=blocker_id, blocked=blocked).first():
        return known
    block = Block(blocker_id=blocker_id, blocked=blocked)
    block.clean()
    block.save()
    return block


@transaction.atomic
def unblock_user(*, blocker_id: UserId, blocked_id: UserId) -> None:
    """Take the block back; Block.DoesNotExist if there is none."""
    _lock_pair(blocker_id, blocked_id)
    Block.objects.get(blocker__pk=blocker_id, blocked__pk=blocked_id).delete()


def _lock_pair(one: UserId, other: UserId) -> None:
    """So that who makes or ends a block sees whether there is another one between the two, and tells what holds."""
    list(User.objects.select_for_update(no_key=True).filter(pk__in=(one, other)).order_by("pk"))
