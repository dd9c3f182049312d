"""People who share a conversation hear of each other; to be somebody's contact takes a word of theirs."""

from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from accounts.contacts import contact_source
from chat.models import Membership

UserId = UUID | str


@contact_source
def conversation_partners() -> QuerySet[Any, Any]:
    """Who is in a conversation with whom. Else a stranger who begins one would see what is for contacts alone."""
    other = F("conversation__memberships__user_id")
    return Membership.objects.values(person=F("user_id"), other=other, is_contact=F("takes_part"))


def shared_conversations(one: UserId, other: UserId) -> list[str]:
    """The ids of the conversations in which both are."""
    theirs = Membership.objects.filter(user_id=other).values("conversation_id")
    ids = Membership.objects.filter(user_id=one, conversation_id__in=theirs).values_list("conversation_id", flat=True)
    return [str(conversation) for conversation in ids]
