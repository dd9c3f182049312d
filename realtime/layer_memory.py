"""A channel layer within one process, bounded, that says when it drops."""

import asyncio
import logging
from typing import Any, Final
from uuid import uuid4

from channels.layers import BaseChannelLayer

logger = logging.getLogger(__name__)

CAPACITY: Final = 10_000  # messages that wait for one reader


class MemoryLayer(BaseChannelLayer):
    """Groups and channels of this process; memberships do not lapse, and order is kept."""

    extensions: Final = ["groups", "flush"]

    def __init__(self, capacity: int = CAPACITY) -> None:
        super().__init__(capacity=capacity)
        self._channels: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self._groups: dict[str, set[str]] = {}

    async def new_channel(self, prefix: str = "specific") -> str:
        """A fresh name."""
        return f"{prefix}.{uuid4().hex}!{uuid4().hex[:8]}"

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Put it into the channel; dropped, with an error in the log, if `capacity` wait there."""
        self.require_valid_channel_name(channel)
        queue = self._queue(channel)
        if queue.qsize() * 2 >= self.capacity:
            await asyncio.sleep(0)  # let the reader run
        try:
            queue.put_nowait(message)
        except asyncio.QueueFull:
            logger.error("the channel %s is full, a message is lost", channel)

    async def receive(self, channel: str) -> dict[str, Any]:
        """The next message, as soon as there is one."""
        self.require_valid_channel_name(channel)
        try:
            return await self._queue(channel).get()
        except asyncio.CancelledError:
            self._drop(channel)  # as in Channels' own layers: the reader has gone
            raise

    async def receive_many(self, channel: str, limit: int) -> list[dict[str, Any]]:
        """The next message as soon as there is one, with all that wait behind it, at most `limit`."""
        messages, queue = [await self.receive(channel)], self._queue(channel)
        while len(messages) < limit and not queue.empty():
            messages.append(queue.get_nowait())
        return messages

    async def group_add(self, group: str, channel: str) -> None:
        """From now on the channel gets what is sent to the group."""
        self.require_valid_group_name(group)
        self._groups.setdefault(group, set()).add(channel)

    async def group_discard(self, group: str, channel: str) -> None:
        """No longer."""
        members = self._groups.get(group, set())
        members.discard(channel)
        if not members:
            self._groups.pop(group, None)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """To every channel in the group."""
        self.require_valid_group_name(group)
        for channel in list(self._groups.get(group, ())):
            await self.send(channel, dict(message))

    async def flush(self) -> None:
        """Forget everything."""
        self._channels.clear()
        self._groups.clear()

    async def close(self) -> None:
        """As `flush`."""
        await self.flush()

    def _queue(self, channel: str) -> asyncio.Queue[dict[str, Any]]:
        if channel not in self._channels:
            self._channels[channel] = asyncio.Queue(self.capacity)
        return self._channels[channel]

    def _drop(self, channel: str) -> None:
        self._channels.pop(channel, None)
        for group in [group for group, members in self._groups.items() if channel in members]:
            self._groups[group].discard(channel)
            if not self._groups[group]:
                del self._groups[group]
