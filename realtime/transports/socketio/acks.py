"""Acknowledgements that the server asked for."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from realtime.conf import conf
from realtime.errors import ClientError


class UnansweredError(ClientError):
    """A client did not acknowledge what it was asked."""

    def __init__(self, message: str) -> None:
        super().__init__("INTERNAL", message)


class Acks:
    """Those of one namespace of one client that have not come yet."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._pending: dict[int, asyncio.Future[Any]] = {}

    async def ask(self, send: Callable[[int], None]) -> Any:
        """Send a packet under a new id and return the arguments of its answer.

        UnansweredError after `ack_timeout`, or if the client goes away.
        """
        number = next(self._numbers)
        future = self._pending[number] = asyncio.get_running_loop().create_future()
        try:
            send(number)
            async with asyncio.timeout(conf().ack_timeout):
                return await future
        except TimeoutError as error:
            raise UnansweredError("The client did not answer in time.") from error
        finally:
            self._pending.pop(number, None)

    def resolve(self, id: int | None, arguments: Any) -> None:
        """The client has answered; an id that nobody waits for is passed over."""
        future = self._pending.pop(-1 if id is None else id, None)
        if future is not None and not future.done():
            future.set_result(arguments)

    def fail(self) -> None:
        """The client has gone."""
        for future in self._pending.values():
            if not future.done():
                future.set_exception(UnansweredError("The client has gone."))
        self._pending.clear()
