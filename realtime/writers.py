"""How frames get onto one WebSocket, without waiting: raw where the server offers that, else by ASGI's `send`."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import suppress
from functools import partial
from typing import Any, Final, Protocol

from realtime.outbound import Frame

logger = logging.getLogger(__name__)

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]

EXTENSION: Final = "realtime.writer"  # in scope["extensions"]: the server's own Writer for the connection
CLOSE_TIMEOUT: Final = 1.0  # seconds for a close frame to be written to a client that may not read
GONE: Final = (OSError, RuntimeError)  # from `send`: the latter if the server has closed the connection by itself
STEPPABLE: Final = ("uvicorn", "daphne")
"""Servers whose own `send` minds no task. A middleware's may: `asyncio.timeout` cancels the task that it began in."""


class Writer(Protocol):
    """Writes to one WebSocket that has been accepted. Nothing of it waits, and nothing raises."""

    on_writable: Callable[[], None]
    on_over: Callable[[], None]

    def write(self, frame: Frame) -> bool:
        """Write it. If False, not to be called again until `on_writable` is."""

    def offer_to(self, taker: Callable[[dict[str, Any]], bool]) -> None:
        """Let it have what arrives while `receive` waits, which need not return then; False if it cannot take it."""

    def close(self, code: int, reason: str) -> None:
        """Write a close frame; to be called when `write` may be. `on_over` follows."""

    def abort(self, code: int, reason: str) -> None:
        """The same at any time, and not for long if the client does not read."""

    async def closed(self, timeout: float) -> None:
        """Return when the close frame was written, or never will be; after `timeout` seconds at most."""

    def stop(self) -> None:
        """The application is done with the connection."""


def writer_of(scope: dict[str, Any], send: Send) -> Writer:
    """The server's own, if it has one."""
    found: Writer | None = scope.get("extensions", {}).get(EXTENSION)
    return StepWriter(send) if found is None else found


def nothing() -> None:
    """What follows where nobody wants to know."""


class StepWriter:
    """On any ASGI server. A server's own `send` is stepped at once, and a task takes over where it has to wait;
    any other runs in a task from the beginning."""

    __slots__ = ("_is_over", "_is_steppable", "_over", "_send", "_task", "on_over", "on_writable")

    def __init__(self, send: Send) -> None:
        self._send = send
        module: str = getattr(send, "func", send).__module__ or ""  # daphne's is a partial
        self._is_steppable = module.partition(".")[0] in STEPPABLE
        self._task: asyncio.Task[None] | None = None
        self._is_over = False
        self._over: asyncio.Future[None] | None = None
        self.on_writable: Callable[[], None] = nothing
        self.on_over: Callable[[], None] = nothing

    def write(self, frame: Frame) -> bool:
        """See `Writer`."""
        return self._is_over or self._step(partial(write_frame, self._send, frame), self._resume)

    def offer_to(self, taker: Callable[[dict[str, Any]], bool]) -> None:
        """See `Writer`. All that arrives is received, here."""

    def close(self, code: int, reason: str) -> None:
        """See `Writer`."""
        if not self._is_over and self._step(partial(send_close, self._send, code, reason), self._end):
            self._end()

    def abort(self, code: int, reason: str) -> None:
        """See `Writer`."""
        if not self._is_over:
            self._task = asyncio.create_task(self._abort(self._task, code, reason), name="abort")

    async def _abort(self, writing: "asyncio.Task[None] | None", code: int, reason: str) -> None:
        if writing is not None:
            writing.cancel()
            await asyncio.wait([writing])
        with suppress(TimeoutError, *GONE):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await send_close(self._send, code, reason)
        self._end()

    async def closed(self, timeout: float) -> None:
        """See `Writer`."""
        if not self._is_over:
            if self._over is None:
                self._over = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._over], timeout=timeout)

    def stop(self) -> None:
        """See `Writer`."""
        self._is_over = True
        if self._task is not None:
            self._task.cancel()

    # -- within -------------------------------------------------------------------------------

    def _step(self, sending: Callable[[], Coroutine[Any, Any, None]], then: Callable[[], None]) -> bool:
        """Whether it is done; if not, `then` follows when it is."""
        rest: Callable[[], Awaitable[None]] = sending
        if self._is_steppable:
            coroutine = sending()
            try:
                rest = partial(_Rest, coroutine, coroutine.send(None))
            except StopIteration:
                return True
            except Exception as error:  # noqa: BLE001 -- as it would end the task
                self._fail(error)
                return True
        self._task = asyncio.create_task(self._finish(rest, then), name="writer")
        return False

    async def _finish(self, rest: Callable[[], Awaitable[None]], then: Callable[[], None]) -> None:
        try:
            await rest()
        except Exception as error:  # noqa: BLE001 -- told in the log
            self._fail(error)
        self._task = None
        then()

    def _resume(self) -> None:
        self.on_writable()

    def _fail(self, error: Exception) -> None:
        if isinstance(error, GONE):
            logger.debug("a frame met a closed connection")
        else:
            logger.error("a WebSocket could not be written to", exc_info=error)
        self._end()

    def _end(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        if self._over is not None and not self._over.done():
            self._over.set_result(None)
        self.on_over()


class _Rest:
    """What is left of a coroutine that was stepped once, and waits for something."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], waited_for: Any) -> None:
        self._coroutine, self._waited_for = coroutine, waited_for

    def __await__(self) -> Generator[Any, Any, None]:
        with suppress(StopIteration):
            while True:
                try:
                    answer = yield self._waited_for
                except BaseException as error:  # noqa: BLE001 -- the coroutine's matter
                    self._waited_for = self._coroutine.throw(error)
                else:
                    self._waited_for = self._coroutine.send(answer)


async def send_close(send: Send, code: int, reason: str) -> None:
    """Close a connection; under daphne with 3000 more where the code is one of RFC 6455's own."""
    message = {"type": "websocket.close", "code": int(code), "reason": reason}
    try:
        await send(message)
    except OSError:
        raise
    except Exception:  # noqa: BLE001 -- autobahn raises a bare one: it lets servers send 1000 and 3000 to 4999 only
        await send(message | {"code": int(code) + 3000})


async def write_frame(send: Send, frame: Frame) -> None:
    """Send a frame's messages as WebSocket messages."""
    for part in frame.parts:
        await send({"type": "websocket.send", "text" if isinstance(part, str) else "bytes": part})


class Reader:
    """Reads a WebSocket in one task, until the client has gone or `stop` is called, from anywhere."""

    __slots__ = ("_is_over", "_is_waiting", "_receive", "_task")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._task: asyncio.Task[Any] | None = None
        self._is_over = self._is_waiting = False

    async def next(self) -> dict[str, Any] | None:
        """The next message; None if there is none any more."""
        if self._is_over:
            return None
        self._task = asyncio.current_task()
        self._is_waiting = True
        try:
            return await self._receive()
        except asyncio.CancelledError:
            if self._is_stopped_alone():
                return None
            raise
        finally:
            self._is_waiting = False

    def _is_stopped_alone(self) -> bool:
        """Whether nothing but `stop` has cancelled the task."""
        return self._is_over and self._task is not None and not self._task.uncancel()

    def stop(self) -> None:
        """Who waits for a message waits no longer; what runs is not cut off in the middle."""
        if self._is_over:
            return
        self._is_over = True
        if self._is_waiting and self._task is not None:
            self._task.cancel()
