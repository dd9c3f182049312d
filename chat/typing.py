"""Who is typing where: what lives for seconds, and is written in no database.

All devices of a person make one state. It ends when the last of them has stopped, has gone, or has not
said so again for `CHAT_TYPING_TIMEOUT` seconds; if a process was killed, another one ends it a little later.
"""

from collections.abc import Iterable
from functools import cache
from typing import Final, Protocol

from django.dispatch import Signal

from realtime.conf import conf

MARGIN: Final = 2.0  # seconds that others leave to the process of a device for ending what it began

typing_changed: Final = Signal()
"""`conversation_id`, `user_id`, `typing`: the first device began, or the last one ended."""


class Typing(Protocol):
    """What a backend promises. From any thread; never an error, if Redis is away: then nobody types."""

    def start(self, conversation: str, user: str, device: str) -> bool:
        """A device types, or does so still; whether none did before."""

    def stop(self, conversation: str, user: str, device: str | None = None) -> bool:
        """A device types no more, or none does; whether that ends it."""

    def among(self, conversations: Iterable[str], user: str) -> set[str]:
        """Those of the conversations in which the user is typing."""

    def overdue(self) -> list[tuple[str, str]]:
        """Conversation and user of what nobody has ended in time; it is ended now, and is in one answer only."""


def backend() -> Typing:
    """The one of this process."""
    return _backend(conf().redis_url)


@cache
def _backend(url: str) -> Typing:
    from chat.typing_memory import MemoryTyping  # noqa: PLC0415 -- they need what is above
    from chat.typing_redis import RedisTyping  # noqa: PLC0415

    return RedisTyping(url) if url else MemoryTyping()


def start_typing(*, conversation_id: str, user_id: str, device: str) -> None:
    """The others are told, if it is news."""
    if backend().start(conversation_id, user_id, device):
        typing_changed.send(None, conversation_id=conversation_id, user_id=user_id, typing=True)


def stop_typing(*, conversation_id: str, user_id: str, device: str | None = None) -> None:
    """Of one device, or of all; the others are told, if it is news."""
    if backend().stop(conversation_id, user_id, device):
        typing_changed.send(None, conversation_id=conversation_id, user_id=user_id, typing=False)


def end_overdue() -> None:
    """Stop what killed processes left."""
    for conversation_id, user_id in backend().overdue():
        typing_changed.send(None, conversation_id=conversation_id, user_id=user_id, typing=False)
