"""What leads to mail, when it is not the chat's own doing. Nobody hears of anything here."""

from django.db.models.signals import post_save
from django.dispatch import receiver

from accounts.models import User
from chat import services


@receiver(post_save, sender=User)
def somebody_left(
    *, instance: User, created: bool, raw: bool, update_fields: frozenset[str] | None, **_: object
) -> None:
    """The last device of a user has gone, whoever noticed; in the transaction that says so."""
    if not (raw or created or instance.is_online) and update_fields is not None and "is_online" in update_fields:
        services.note_departure(instance)
