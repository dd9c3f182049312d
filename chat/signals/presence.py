"""Who hears of people that come and go."""

from accounts.models import User
from accounts.selectors import blocked_pairs
from chat.events import PresenceChanged
from chat.rooms import ConversationRoom
from chat.selectors import conversation_ids_of
from realtime.signals import Push, Pushes, on_presence
from realtime.times import iso


@on_presence
def tell_presence(user_id: str, online: bool) -> Pushes:
    """People who share a conversation hear who comes and goes, less blocks."""
    user = User.objects.filter(pk=user_id).first()
    if user is None:  # the account was deleted
        return
    event = PresenceChanged(
        user_id=user_id,
        status="online" if online else "offline",
        text="",
        last_seen_at=iso(user.last_seen_at) if user.last_seen_at else None,
    )
    yield Push(map(ConversationRoom, conversation_ids_of(user_id)), event, exclude={user_id, *blocked_pairs(user_id)})
