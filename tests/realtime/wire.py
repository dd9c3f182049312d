"""The network to other processes, which a test can cut and hold up."""

import asyncio
from typing import Any

from realtime.layer_memory import MemoryLayer
from realtime.publications import Publication, decode_publication


class Wire(MemoryLayer):
    """A channel layer that keeps what went over it; `is_down` cuts it, `go` holds it up while it is not set.

    `asked` is set as soon as anything is to be sent.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_down = False
        self.go = asyncio.Event()
        self.go.set()
        self.asked = asyncio.Event()
        self.sent: list[Publication] = []

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send, unless the wire is cut."""
        self.asked.set()
        await self.go.wait()
        if self.is_down:
            raise ConnectionError("the wire is cut")
        await super().group_send(group, message)
        if "body" in message:
            self.sent.append(decode_publication(message["body"]))

    @property
    def numbers(self) -> list[int]:
        """What the laboratory's events said, in the order of sending."""
        return [int(bytes(p.data).partition(b'"number":')[2].rstrip(b"}")) for p in self.sent if hasattr(p, "data")]
