"""What clients may ask about the people of a conversation."""

from uuid import UUID

from django.conf import settings

from accounts.models import User
from accounts.presence import Appearance, appearances
from chat import selectors
from realtime.commands import Payload, Reply, command
from realtime.presence import known_online
from realtime.sessions import Session
from realtime.structs import Value
from realtime.times import iso


class Where(Payload):
    """A conversation of one's own."""

    conversation_id: UUID


class Person(Value):
    """As `presence.changed` tells of them."""

    user_id: str
    status: str
    text: str
    last_seen_at: str | None

    @classmethod
    def of(cls, user: User, shown: Appearance) -> "Person":
        """From how the user appears to the asker."""
        last_seen_at = iso(shown.last_seen_at) if shown.last_seen_at else None
        return cls(user_id=str(user.pk), status=str(shown.status), text=shown.text, last_seen_at=last_seen_at)


class ConversationPresence(Reply):
    """All members, the asker too."""

    conversation_id: str
    members: list[Person]


@command("presence.get", rate=settings.PRESENCE_ASK_RATE)
def get_presence(session: Session, data: Where) -> ConversationPresence:
    """Who of a conversation is here, as the asker may see them."""
    members = selectors.members_of(session.user.id, data.conversation_id).order_by("id")
    users = [membership.user for membership in members]
    shown = appearances(session.user.id, users, known_online(str(user.pk) for user in users))
    people = [Person.of(user, shown[str(user.pk)]) for user in users]
    return ConversationPresence(conversation_id=str(data.conversation_id), members=people)
