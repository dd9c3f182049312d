"""Who hears when an account changes."""

from django.dispatch import receiver

from accounts import services
from accounts.models import User
from accounts.tokens import fingerprint
from realtime.presence import presence_reset
from realtime.signals import Change, Disconnect, Pushes, on_presence, pushes


@pushes(User, watch=("password", "token_generation", "is_active"))
def user_changed(user: User, change: Change) -> Pushes:
    """Whoever may not go on with the tokens they have loses their connections."""
    if change.created:
        return
    may_stay = user.is_active and not change.deleted
    # The new pair may have arrived, and been used, before this did.
    yield Disconnect(str(user.pk), keep=fingerprint(user) if may_stay else None)


@receiver(presence_reset)
def forget_presence(**_: object) -> None:
    """The only server has just started: whoever was online when the last one was killed is not."""
    services.reset_presence()


@on_presence
def presence_changed(user_id: str, online: bool) -> Pushes:
    """The database knows too, for mail and for the admin; nobody is told from here."""
    services.set_presence(user_id=user_id, online=online)
    yield from ()
