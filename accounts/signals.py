"""Who hears when an account changes."""

from functools import partial

from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import receiver

from accounts import services
from accounts.models import Block, User
from accounts.presence import own_appearance
from accounts.tokens import fingerprint
from realtime.presence import describe, presence_reset
from realtime.rooms import UserRoom
from realtime.signals import Change, Disconnect, Pushes, Void, on_presence, pushes
from realtime.times import iso


@pushes(User, watch=("password", "token_generation", "is_active"))
def user_changed(user: User, change: Change) -> Pushes:
    """Whoever may not go on with the tokens they have loses their connections."""
    if change.created:
        return
    may_stay = user.is_active and not change.deleted
    # The new pair may have arrived, and been used, before this did.
    yield Disconnect(str(user.pk), keep=fingerprint(user) if may_stay else None)


@pushes(Block)
def block_changed(block: Block, change: Change) -> Pushes:
    """What one of the two missed is not made up for any more: it may be of the other."""
    if change.created:
        yield Void(UserRoom(block.blocker_id))
        yield Void(UserRoom(block.blocked_id))


@receiver(presence_reset)
def forget_presence(**_: object) -> None:
    """The only server has just started: whoever was online when the last one was killed is not."""
    services.reset_presence()


@on_presence
def presence_changed(user_id: str, online: bool) -> Pushes:
    """The database knows too, for mail and for the admin; nobody is told from here."""
    user = services.set_presence(user_id=user_id, online=online)
    if user is not None:
        describe_presence(user)
    yield from ()


@receiver(post_save, sender=User)
def status_changed(instance: User, update_fields: frozenset[str] | None, **_: object) -> None:
    """Other services may read it in Redis."""
    if update_fields is not None and "status" in update_fields:
        transaction.on_commit(partial(describe_presence, instance), robust=True)


def describe_presence(user: User) -> None:
    """What the user is to others, whatever privacy keeps from some of them."""
    appearance = own_appearance(user)
    last_seen_at = iso(appearance.last_seen_at) if appearance.last_seen_at else None
    describe(str(user.pk), status=appearance.status, lastSeenAt=last_seen_at)
