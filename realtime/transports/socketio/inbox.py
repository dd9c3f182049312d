"""What a client sent and waits to be run: a bounded queue with one writer and one reader."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """At most `count` items (if not relaxed), and no second one beyond `size` bytes."""

    __slots__ = ("_count", "_is_closed", "_items", "_limit", "_size", "_waiter", "_waiting")

    def __init__(self, count: int, size: int) -> None:
        self._count, self._limit = count, size
        self._items: list[tuple[T, int]] = []
        self._size = 0
        self._is_closed = False
        self._waiting = 0  # questions of the reader
        self._waiter: asyncio.Future[None] | None = None

    async def put(self, item: T, size: int) -> None:
        """Append it as soon as there is room; once the inbox is closed it is dropped."""
        while not self.offer(item, size):
            await self._change()

    def offer(self, item: T, size: int) -> bool:
        """The same at once; False if there is no room."""
        if self._is_full(size):
            return False
        if not self._is_closed:
            self._items.append((item, size))
            self._size += size
            self._notify()
        return True

    def _is_full(self, size: int) -> bool:
        has_too_many = len(self._items) >= self._count and not self._waiting
        return bool(self._items) and (has_too_many or self._size + size > self._limit)

    @contextmanager
    def relaxed(self) -> Iterator[None]:
        """For so long, only the bytes count: the reader waits for something that comes behind the items."""
        self._waiting += 1
        self._notify()
        try:
            yield
        finally:
            self._waiting -= 1

    async def get(self) -> T:
        """The first one, as soon as there is one."""
        while not self._items:
            await self._change()
        item, size = self._items.pop(0)
        self._size -= size
        self._notify()
        return item

    def close(self) -> None:
        """Drop everything, and let a writer that waits go on."""
        self._is_closed = True
        self._items.clear()
        self._size = 0
        self._notify()

    async def _change(self) -> None:
        # The reader waits while it is empty and the writer while it is full: never both.
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def _notify(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
