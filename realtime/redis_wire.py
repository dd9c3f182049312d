"""One pipelined connection to Redis: what is asked in one turn of the loop goes out in one write, and all that has
arrived is read at once (RESP 2, by hiredis's parser)."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection
from ssl import SSLContext
from typing import Any, Final, Self

import hiredis
from redis.asyncio import ConnectionPool

logger = logging.getLogger(__name__)

TIMEOUT: Final = 1.0  # seconds for a connection, and for any answer
SECOND_LOOK: Final = 0.01  # seconds: uvloop may run a timer before it reads what came while it stood still

OF_THE_SERVER: Final = frozenset(
    (
        *("BUSY", "CLUSTERDOWN", "DENIED", "LOADING", "MASTERDOWN", "MISCONF"),
        *("NOAUTH", "NOREPLICAS", "OOM", "READONLY", "TRYAGAIN"),
    )
)
"""Errors that are not the command's: any other would be refused as well."""

FULL: Final = "ERR max number of clients reached"  # what a connection is told before it is closed, asked or not

Answer = Any
Word = str | bytes | int


class RefusedError(ConnectionError):
    """Redis works, and refuses this. Of several `indices` tells which; all others were done."""

    def __init__(self, reason: str, indices: Collection[int] = ()) -> None:
        super().__init__(reason)
        self.indices = frozenset(indices)


class RedisWire(asyncio.Protocol):
    """A connection. What it hears without having asked goes to `on_message`.

    When it breaks, all who wait for an answer get ConnectionError.
    """

    def __init__(self, on_message: Callable[[list[bytes]], None] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_message = on_message
        self._reader = hiredis.Reader()
        self._transport: asyncio.Transport
        self._unwritten: list[bytes] = []
        self._unanswered: deque[asyncio.Future[Answer]] = deque()
        self._heard_at = self._loop.time()
        self._watch: asyncio.TimerHandle | None = None
        self._lost: asyncio.Future[None] = self._loop.create_future()

    @classmethod
    async def open(cls, url: str, on_message: Callable[[list[bytes]], None] | None = None) -> Self:
        """Connected, authenticated and in its database; OSError (TimeoutError is one) if that fails."""
        target: Any = ConnectionPool.from_url(url).make_connection()  # type: ignore[no-untyped-call]
        ssl = getattr(target, "ssl_context", None)
        wire = cls(on_message)
        async with asyncio.timeout(TIMEOUT):
            await wire._connect(target, None if ssl is None else ssl.get())
            try:
                await wire._introduce(target)
            except BaseException:
                wire.close()
                raise
        return wire

    async def _connect(self, target: Any, ssl: SSLContext | None) -> None:
        if getattr(target, "path", None):
            await self._loop.create_unix_connection(lambda: self, target.path, ssl=ssl)
        else:
            await self._loop.create_connection(lambda: self, target.host, target.port, ssl=ssl)

    async def _introduce(self, target: Any) -> None:
        if target.password:
            await self.ask("AUTH", *([target.username] if target.username else []), target.password)
        if target.db:
            await self.ask("SELECT", target.db)

    @property
    def is_lost(self) -> bool:
        """Whether it has broken, or was closed."""
        return self._lost.done()

    @property
    def is_usable(self) -> bool:
        """Whether commands can be sent, on the loop that runs now."""
        return self._loop is asyncio.get_running_loop() and not self.is_lost

    def ask(self, *words: Word) -> asyncio.Future[Answer]:
        """Send a command. The future gets its answer, or ConnectionError: RefusedError if this alone is refused."""
        answer: asyncio.Future[Answer] = self._loop.create_future()
        if self.is_lost:
            answer.set_exception(ConnectionError("the connection to Redis is lost"))
            return answer
        if not self._unanswered:
            self._heard_at = self._loop.time()
            self._expect_within(TIMEOUT)
        self._unanswered.append(answer)
        self.tell(*words)
        return answer

    def tell(self, *words: Word) -> None:
        """Send a command whose answer, if there is any, goes to `on_message`."""
        if not self._unwritten:
            self._loop.call_soon(self._flush)
        self._unwritten.append(hiredis.pack_command(words))  # type: ignore[arg-type]  # the stub knows one word

    def _flush(self) -> None:
        written, self._unwritten = b"".join(self._unwritten), []
        if not self.is_lost:
            self._transport.write(written)

    async def lost(self, *, silence: float) -> None:
        """Return when it breaks. After so many seconds of silence it is asked for a sign of life."""
        while not self.is_lost:
            heard_at = self._heard_at
            await asyncio.wait([self._lost], timeout=silence)
            if self._heard_at == heard_at and not self.is_lost:
                self.tell("PING")
                await asyncio.wait([self._lost], timeout=silence)
                if self._heard_at == heard_at:
                    self._transport.abort()
                    await self._lost

    def close(self) -> None:
        """End it."""
        self._transport.abort()

    # -- from the transport -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = transport  # type: ignore[assignment]  # uvloop's is no asyncio.Transport

    def data_received(self, data: bytes) -> None:
        """Answers, or messages."""
        self._heard_at = self._loop.time()
        try:
            self._read(data)
        except hiredis.HiredisError:
            logger.exception("what came is not what Redis says")
            self._transport.abort()

    def _read(self, data: bytes) -> None:
        self._reader.feed(data)
        while (answer := self._reader.gets()) is not False:
            if self._unanswered:
                self._settle(self._unanswered.popleft(), answer)
            elif isinstance(answer, hiredis.ReplyError):
                logger.error("Redis refuses: %s", answer)
                self._transport.abort()
            elif self._on_message is not None and isinstance(answer, list):
                self._on_message(answer)

    @staticmethod
    def _settle(future: asyncio.Future[Answer], answer: Answer) -> None:
        if future.done():  # who asked waits no longer
            return
        if isinstance(answer, hiredis.ReplyError):
            is_alone = str(answer).partition(" ")[0] not in OF_THE_SERVER and not str(answer).startswith(FULL)
            kind = RefusedError if is_alone else ConnectionError
            future.set_exception(kind(f"Redis refuses: {answer}"))
        else:
            future.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has broken, or was closed."""
        if self._watch is not None:
            self._watch.cancel()
        while self._unanswered:
            future = self._unanswered.popleft()
            if not future.done():
                future.set_exception(ConnectionError(f"the connection to Redis is lost: {exc}"))
        if not self._lost.done():
            self._lost.set_result(None)

    # -- answers that do not come ---------------------------------------------------------------

    def _expect_within(self, seconds: float) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self._loop.call_later(seconds, self._check)

    def _check(self) -> None:
        if not self._unanswered:
            return
        left = self._heard_at + TIMEOUT - self._loop.time()
        if left > 0:
            self._expect_within(left)
        else:
            self._watch = self._loop.call_later(SECOND_LOOK, self._give_up, self._heard_at)

    def _give_up(self, heard_at: float) -> None:
        if self._heard_at != heard_at:
            self._check()
        else:
            logger.warning("Redis has not answered for %s s", TIMEOUT)
            self._transport.abort()
