"""What clients may say while they type."""

from functools import partial
from uuid import UUID

from django.conf import settings

from chat.models import Conversation
from chat.rooms import ConversationRoom
from chat.typing import start_typing, stop_typing
from realtime.commands import Payload, command
from realtime.sessions import Session


class Typing(Payload):
    """Where."""

    conversation_id: UUID


@command("typing.start", rate=settings.CHAT_TYPING_RATE)
def start(session: Session, data: Typing) -> None:
    """Type; again and again, for as long as it lasts. Those who are blocked are told nothing, in silence."""
    key, where = _place(session, data)
    start_typing(**where)
    session.later(key, settings.CHAT_TYPING_TIMEOUT, partial(stop_typing, **where))


@command("typing.stop", rate=settings.CHAT_TYPING_RATE)
def stop(session: Session, data: Typing) -> None:
    """Type no more; if this device did not, nothing happens."""
    key, where = _place(session, data)
    session.later(key, 0, None)
    stop_typing(**where)


def _place(session: Session, data: Typing) -> tuple[tuple[str, str], dict[str, str]]:
    room = ConversationRoom(data.conversation_id)
    # Who listens there is a member, and costs no query.
    if room.address not in session.rooms and not room.allows(session.user):
        raise Conversation.DoesNotExist
    return ("typing", room.key), {"conversation_id": room.key, "user_id": session.user.id, "device": session.id}
