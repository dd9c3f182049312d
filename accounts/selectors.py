"""Every read that depends on the reader."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from django.db.models import Case, F, Q, QuerySet, When
from django.utils import timezone

from accounts.models import Audience, Block, Status, User

UserId = UUID | str


def visible_users(reader: UserId, search: str = "") -> QuerySet[User]:
    """Active people whom no block parts from the reader, with `search` in their name."""
    users = (
        User.objects.filter(is_active=True)
        .exclude(blocks_made__blocked__pk=reader)
        .exclude(blocks_received__blocker__pk=reader)
    )
    if search:
        users = users.filter(Q(username__icontains=search) | Q(display_name__icontains=search))
    return users


def get_user(reader: UserId, user: UserId) -> User:
    """One of the `visible_users`; User.DoesNotExist for anyone else."""
    return visible_users(reader).get(pk=user)


def get_self(reader: UserId) -> User:
    """The reader's own account."""
    return User.objects.get(pk=reader, is_active=True)


def blocks_of(reader: UserId) -> QuerySet[Block]:
    """Whom the reader has blocked; not who blocked the reader."""
    return Block.objects.filter(blocker__pk=reader).select_related("blocked")


def blocked_pairs(user: UserId) -> set[str]:
    """The ids of all who blocked this user or whom this user blocked."""
    pairs = Block.objects.filter(Q(blocker=user) | Q(blocked=user)).values_list("blocker_id", "blocked_id")
    return {str(person) for pair in pairs for person in pair} - {str(user)}


def blocked_pairs_of(user: Any) -> QuerySet[Any]:
    """The same as a subquery, of an id or of an OuterRef to one."""
    pairs = Block.objects.filter(Q(blocker=user) | Q(blocked=user))
    return pairs.values_list(Case(When(blocker=user, then=F("blocked")), default=F("blocker")))


def blocks_between(people: Iterable[UserId], others: QuerySet[Any] | Collection[UserId]) -> set[tuple[str, str]]:
    """Every block between one of these people and one of the others, ids or a query: who blocked, and whom."""
    ids = list(people)
    between = Q(blocker__in=ids, blocked__in=others) | Q(blocked__in=ids, blocker__in=others)
    pairs = Block.objects.filter(between).values_list("blocker_id", "blocked_id")
    return {(str(blocker), str(blocked)) for blocker, blocked in pairs}


def are_blocked(a: UserId, b: UserId) -> bool:
    """Whether either of the two has blocked the other."""
    return Block.objects.filter(Q(blocker=a, blocked=b) | Q(blocker=b, blocked=a)).exists()


def any_status_has_expired() -> bool:
    """Whether there is one to be taken back: without a lock, and by an index."""
    return User.objects.filter(status_expires_at__lte=timezone.now()).exists()


def hidden_count() -> int:
    """How many of those who are here appear so to nobody."""
    return User.objects.filter(Q(status=Status.OFFLINE) | Q(presence_shown_to=Audience.NOBODY), is_online=True).count()
