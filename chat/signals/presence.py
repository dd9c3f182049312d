"""Who hears of people that come and go, and of what they are meanwhile."""

import itertools
from copy import copy
from functools import partial
from typing import Final

from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import Signal, receiver

from accounts.contacts import contacts_among, contacts_of
from accounts.models import Audience, Block, User
from accounts.presence import UNSEEN, Appearance, appearance, is_invisible
from accounts.selectors import blocked_pairs
from chat.events import PresenceChanged
from realtime.presence import known_online
from realtime.rooms import UserRoom
from realtime.signals import Change, Push, Pushes, on_presence, pushes


@on_presence
def tell_presence(user_id: str, online: bool) -> Pushes:
    """Contacts hear who comes and goes, less blocks; of somebody whom they do not see nothing."""
    user = User.objects.filter(pk=user_id).first()
    if user is None or is_invisible(user) or user.presence_shown_to == Audience.NOBODY:
        return
    yield _to_contacts(user, appearance(user, is_contact=True, is_here=online))


@pushes(User, watch=("status", "status_text", "presence_shown_to", "last_seen_shown_to"))
def tell_appearance(user: User, change: Change) -> Pushes:
    """Contacts hear what somebody is now, if they see it; and who is not to see it any more sees them go."""
    if change.created or change.deleted:
        return
    shown = appearance(user, is_contact=True)
    if shown == _told_before(user, change):
        return
    if user.is_online:
        yield _to_contacts(user, shown)
    else:  # or has just come, and is about to be told of: that is asked after the commit, since it may take time
        transaction.on_commit(partial(_send_if_away, user), robust=True)


absent_changed: Final = Signal()
"""`user`: is something else now, and not here."""


def _send_if_away(user: User) -> None:
    if not known_online([str(user.pk)]):
        absent_changed.send(User, user=user)


@pushes(absent_changed)
def tell_absent(user: User) -> Pushes:
    """Contacts see the text of those who are away, too, and when they were last seen."""
    yield _to_contacts(user, appearance(user, is_contact=True))


def _told_before(user: User, change: Change) -> Appearance:
    """What contacts know: that a status has expired they hear only when it is taken back."""
    before = copy(user)
    for name, value in change.before.items():
        setattr(before, name, value)
    before.status_expires_at = None
    return appearance(before, is_contact=True)


def _to_contacts(user: User, shown: Appearance) -> Push:
    # In their own rooms: so it is told to those who share no conversation, too, and is one thing for each of them.
    people = {*contacts_of(user.pk), str(user.pk)} - blocked_pairs(user.pk)
    return Push(
        [UserRoom(person) for person in sorted(people)], PresenceChanged.of(user, shown), exclude={str(user.pk)}
    )


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
    if not contacts_among(block.blocker_id, [block.blocked_id]):
        return
    people = list(User.objects.filter(pk__in=[block.blocker_id, block.blocked_id]))
    for person, other in itertools.permutations(people, 2):
        if (shown := appearance(person, is_contact=True)) != UNSEEN:
            yield Push(UserRoom(other.pk), PresenceChanged.of(person, UNSEEN if parted else shown), is_personal=True)
