"""People who share a conversation are contacts."""

from uuid import UUID

from django.db.models import QuerySet

from accounts.contacts import contact_source
from accounts.models import User
from chat.models import Membership

UserId = UUID | str


@contact_source
def conversation_partners(user_id: UserId) -> QuerySet[User]:
    """Who is in any of the user's conversations."""
    own = Membership.objects.filter(user_id=user_id).values("conversation_id")
    return User.objects.filter(memberships__conversation_id__in=own)


def shared_conversations(one: UserId, other: UserId) -> list[str]:
    """The ids of the conversations in which both are."""
    theirs = Membership.objects.filter(user_id=other).values("conversation_id")
    ids = Membership.objects.filter(user_id=one, conversation_id__in=theirs).values_list("conversation_id", flat=True)
    return [str(conversation) for conversation in ids]
