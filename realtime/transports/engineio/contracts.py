"""What an Engine.IO session is between: the layer above it, and the WebSocket under it."""

from typing import Protocol

from realtime.outbound import Frame
from realtime.transports.engineio.packets import Packet


class Handler(Protocol):
    """What hears of a session: the layer above."""

    async def on_message(self, message: Packet) -> None:
        """A message, in order and one at a time: nothing more is read meanwhile. MalformedError ends the session."""

    def take(self, message: str) -> bool:
        """The same without waiting; False, and nothing has been done, if that cannot be."""
        return False

    def on_close(self, reason: str) -> None:
        """The end, once for every session that was opened."""


class Line(Protocol):
    """The WebSocket of a session. Nothing of it waits."""

    def write(self, frame: Frame) -> bool:
        """Write it. If False, not to be called again before the line calls `flush`."""

    def finish(self, code: int, reason: str) -> None:
        """Write a close frame, and nothing more."""

    def cut(self, code: int, reason: str) -> None:
        """Write nothing more but a close frame."""
