"""The requests of a polling session that are under way: one GET and one POST at a time."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from realtime.conf import conf


class Requests:
    """A GET that waits for something to answer, and a POST that is read or handled."""

    __slots__ = ("_get", "_hurries", "_post")

    def __init__(self) -> None:
        self._get: asyncio.Future[None] | None = None
        self._post: asyncio.Future[None] | None = None
        self._hurries = False

    @property
    def is_polled(self) -> bool:
        """Whether a GET waits."""
        return self._get is not None

    @property
    def is_posted(self) -> bool:
        """Whether a POST is read or handled."""
        return self._post is not None

    def begin_poll(self) -> asyncio.Future[None]:
        """A GET waits from now on. The future is done when it is to be answered."""
        self._get = asyncio.get_running_loop().create_future()
        if self._hurries:
            self._release_soon()
        return self._get

    def end_poll(self) -> None:
        """No GET waits any longer."""
        self._get = None

    def release(self) -> None:
        """Have the GET answered, if one waits."""
        if self._get is not None and not self._get.done():
            self._get.set_result(None)

    def hurry(self, is_upgrading: bool) -> None:
        """While a client is upgrading its GETs are released soon, though not at once: it may be ready before that."""
        self._hurries = is_upgrading
        if is_upgrading:
            self._release_soon()

    def _release_soon(self) -> None:
        asyncio.get_running_loop().call_later(conf().poll_release, self.release)

    @contextmanager
    def posting(self) -> Iterator[None]:
        """While a POST is read and handled."""
        self._post = post = asyncio.get_running_loop().create_future()
        try:
            yield
        finally:
            self._post = None
            post.set_result(None)

    async def posted(self, timeout: float) -> None:
        """Return when no POST is read or handled; after `timeout` seconds at most."""
        if self._post is not None:
            await asyncio.wait([self._post], timeout=timeout)
