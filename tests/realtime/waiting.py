"""Waiting for what comes, never for time to pass."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 10.0  # seconds until a test gives up


async def soon(awaitable: Awaitable[T]) -> T:
    """The result; TimeoutError if there is none in time."""
    async with asyncio.timeout(PATIENCE):
        return await awaitable


async def until(is_so: Callable[[], bool]) -> None:
    """Return when it is so; TimeoutError if it does not become so."""
    async with asyncio.timeout(PATIENCE):
        while not is_so():  # noqa: ASYNC110 -- what is waited for sets no event
            await asyncio.sleep(0.005)
