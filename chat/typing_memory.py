"""Who is typing, within the one server process."""

import time
from collections.abc import Iterable
from threading import Lock

from django.conf import settings

from chat.typing import MARGIN


class MemoryTyping:
    """Until when each device types, by conversation and user."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._devices: dict[tuple[str, str], dict[str, float]] = {}

    def start(self, conversation: str, user: str, device: str) -> bool:
        """A device types, or does so still; whether none did before."""
        now = time.monotonic()
        with self._lock:
            devices = self._devices.setdefault((conversation, user), {})
            was_typing = any(until > now for until in devices.values())
            devices[device] = now + settings.CHAT_TYPING_TIMEOUT + MARGIN
        return not was_typing

    def stop(self, conversation: str, user: str, device: str | None = None) -> bool:
        """A device types no more, or none does; whether that ends it."""
        now = time.monotonic()
        with self._lock:
            devices = self._devices.get((conversation, user))
            if devices is None:
                return False
            if device is not None:
                devices.pop(device, None)
                if any(until > now for until in devices.values()):
                    return False
            del self._devices[conversation, user]
        return True

    def among(self, conversations: Iterable[str], user: str) -> set[str]:
        """Those of the conversations in which the user is typing."""
        with self._lock:
            return {conversation for conversation in conversations if (conversation, user) in self._devices}

    def overdue(self) -> list[tuple[str, str]]:
        """What nobody has ended in time; each once."""
        now = time.monotonic()
        with self._lock:
            found = [key for key, devices in self._devices.items() if all(until <= now for until in devices.values())]
            for key in found:
                del self._devices[key]
        return found
