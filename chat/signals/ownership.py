"""A group keeps an owner, whichever road its people come, change and go."""

from django.db.models.signals import post_delete, post_save, pre_delete
from django.dispatch import receiver

from accounts.models import User
from chat import services
from chat.models import Membership
from chat.signals.conversations import ends_conversation


@receiver(pre_delete, sender=Membership)
def somebody_goes(*, instance: Membership, origin: object = None, **_: object) -> None:
    """By whatever hand: it waits its turn."""
    if not ends_conversation(origin):
        services.lock_for_leaving(conversation_id=instance.conversation_id)


# It is connected after what tells of the membership, so that the heir is told of after it.
@receiver(post_delete, sender=Membership)
def somebody_went(*, instance: Membership, origin: object = None, **_: object) -> None:
    """Perhaps the owner."""
    if not ends_conversation(origin):  # the instance may be older than the row: its role says nothing
        services.hand_over(instance.conversation)


@receiver(post_save, sender=Membership)
def somebody_changed(*, instance: Membership, raw: bool, update_fields: frozenset[str] | None, **_: object) -> None:
    """Came, or has another role."""
    if not raw and (update_fields is None or "role" in update_fields):
        services.hand_over(instance.conversation)


@receiver(post_save, sender=User)
def account_changed(
    *, instance: User, created: bool, raw: bool, update_fields: frozenset[str] | None, **_: object
) -> None:
    """Closed, perhaps, or opened again."""
    if not (raw or created) and (update_fields is None or "is_active" in update_fields):
        services.settle_ownership(user_id=instance.pk)
