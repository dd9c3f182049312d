"""What the chat sees to from time to time."""

from django.conf import settings

from chat.lost_devices import LostDevices
from chat.typing import end_overdue
from realtime.chores import chore

lost_devices = LostDevices()


@chore(lambda: max(settings.CHAT_TYPING_TIMEOUT / 5, 0.1))
def end_typing() -> None:
    """Nobody types for ever because a process was killed."""
    end_overdue()


@chore(lambda: max(settings.CHAT_CALL_GRACE / 5, 0.1))
def end_calls() -> None:
    """Nor is anybody in a call for ever."""
    lost_devices.end_calls()
