"""Who hears of people that come and go, and of what they are meanwhile."""

import itertools
from copy import copy
from functools import partial
from typing import Final

from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import Signal, receiver

from accounts.contacts import relations
from accounts.models import Block, User
from accounts.presence import UNSEEN, Appearance, appearance, shows_presence
from accounts.selectors import blocked_pairs
from chat.events import PresenceChanged
from realtime.presence import known_online
from realtime.rooms import UserRoom
from realtime.signals import Change, Push, Pushes, on_presence, pushes

Looks = dict[bool, Appearance]
"""What is shown to contacts (True) and to others."""


@on_presence
def tell_presence(user_id: str, online: bool) -> Pushes:
    """Others hear who comes and goes, less blocks; of somebody whom they do not see nothing."""
    user = User.objects.filter(pk=user_id).first()
    if user is not None:
        shown = looks(user, is_here=online).items()
        yield from _to_others(user, {who: look for who, look in shown if shows_presence(user, is_contact=who)})


@pushes(User, watch=("status", "status_text", "presence_shown_to", "last_seen_shown_to"))
def tell_appearance(user: User, change: Change) -> Pushes:
    """Others hear what somebody is now, if they see it; and who is not to see it any more sees them go."""
    if change.created or change.deleted:
        return
    now, before = looks(user), looks(_before(user, change))
    shown = {who: look for who, look in now.items() if look != before[who]}
    if user.is_online or not shown:
        yield from _to_others(user, shown)
    else:  # or has just come, and is about to be told of: that is asked after the commit, since it may take time
        transaction.on_commit(partial(_send_if_away, user, shown), robust=True)


absent_changed: Final = Signal()
"""`user`: is something else now, and not here; `shown`: to whom."""


def _send_if_away(user: User, shown: Looks) -> None:
    if not known_online([str(user.pk)]):
        absent_changed.send(User, user=user, shown=shown)


@pushes(absent_changed)
def tell_absent(user: User, shown: Looks) -> Pushes:
    """Others see the text of those who are away, too, and when they were last seen."""
    yield from _to_others(user, shown)


def looks(user: User, *, is_here: bool | None = None) -> Looks:
    """What the person is to contacts and to others."""
    return {who: appearance(user, is_contact=who, is_here=is_here) for who in (True, False)}


def _before(user: User, change: Change) -> User:
    """As others know them: that a status has expired they hear only when it is taken back."""
    before = copy(user)
    for name, value in change.before.items():
        setattr(before, name, value)
    before.status_expires_at = None
    return before


def _to_others(user: User, shown: Looks) -> Pushes:
    """To contacts and others, or to those of them that are named."""
    # In their own rooms: so it is told to those who share no conversation, too, and is one thing for each of them.
    parted, own = blocked_pairs(user.pk), UserRoom(user.pk)
    listening: dict[Appearance, list[UserRoom]] = {look: [] for look in shown.values()}
    for (_, other), is_contact in sorted(relations(people=[user.pk]).items()) if shown else ():
        if is_contact in shown and other not in parted:
            listening[shown[is_contact]].append(UserRoom(other))
    for look, rooms in listening.items():
        event, is_public = PresenceChanged.of(user, look), look == shown.get(True)  # which other services hear of
        if rooms or is_public:
            yield Push([own, *rooms], event, exclude={own.key}, is_personal=not is_public)


@pushes(Block)
def tell_block(block: Block, change: Change) -> Pushes:
    """Each of the two sees the other go."""
    if change.created:
        yield from _to_each_other(block, parted=True)


block_ended: Final = Signal()
"""`block`: it was taken back; not one that ended with an account."""


@receiver(post_delete, sender=Block)
def block_deleted(instance: Block, origin: object, **_: object) -> None:
    """By itself, or with one of the two."""
    if isinstance(origin, Block) or getattr(origin, "model", None) is Block:
        block_ended.send(Block, block=instance)


@pushes(block_ended)
def tell_block_ended(block: Block) -> Pushes:
    """And come again, when no block parts them any more."""
    yield from _to_each_other(block, parted=False)


def _to_each_other(block: Block, *, parted: bool) -> Pushes:
    if Block.objects.filter(blocker=block.blocked_id, blocked=block.blocker_id).exists():
        return  # so it was before, and stays
    people = list(User.objects.filter(pk__in=[block.blocker_id, block.blocked_id]))
    known = relations(people=[person.pk for person in people], others=[person.pk for person in people])
    for person, other in itertools.permutations(people, 2):
        is_contact = known.get((str(person.pk), str(other.pk)))
        if is_contact is not None and (shown := looks(person)[is_contact]) != UNSEEN:
            yield Push(UserRoom(other.pk), PresenceChanged.of(person, UNSEEN if parted else shown), is_personal=True)
