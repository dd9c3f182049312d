"""What the chat sees to from time to time."""

from django.conf import settings

from chat.typing import end_overdue
from realtime.chores import chore


@chore(lambda: max(settings.CHAT_TYPING_TIMEOUT / 5, 0.1))
def end_typing() -> None:
    """Nobody types for ever because a process was killed."""
    end_overdue()
