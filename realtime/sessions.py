"""One connected person: who, in which rooms, until when, and the running of commands. No socket in it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from realtime import commands, database, rooms
from realtime.auth import Credentials, Identity
from realtime.codec import Codec, error_frame, event_frame
from realtime.conf import conf
from realtime.couriers import Batch
from realtime.errors import ClientError, Close, translate
from realtime.events import DROPPABLE, Event, encode
from realtime.limits import limits, refusal
from realtime.outbound import Backlog, Frame, Sink
from realtime.publishing import hold
from realtime.times import iso_unix, now

if TYPE_CHECKING:
    from realtime.process import Process

logger = logging.getLogger(__name__)

Respond = Callable[[bytes | ClientError], None]
"""What takes a command's reply: JSON of its payload, or an error."""


class Connected(Event, wire="connected", policy=DROPPABLE):
    """The greeting. `heartbeat_interval` is in seconds; `offset` is null while nothing can be resumed."""

    user_id: str
    connection_id: str
    rooms: list[str]
    server_time: str
    heartbeat_interval: float
    recovered: bool = False
    offset: str | None = None


class AuthExpiring(Event, wire="auth.expiring", policy=DROPPABLE):
    """The token ends soon: send `auth` with a new one."""

    expires_at: str


class Session:
    """Runs on the event loop; `join`, `leave` and `send` are for handlers, in any thread."""

    def __init__(self, process: "Process", codec: Codec, sink: Sink) -> None:
        self.id: Final = uuid4().hex
        self.codec: Final = codec
        self.sink: Final = sink
        self.rooms: dict[str, bool] = {}  # address -> whether the client asked for it
        self.credentials: Credentials
        self._process = process
        self._is_started = False
        self._held: Backlog | None = None  # what is heard before the greeting
        self._timers: list[asyncio.TimerHandle] = []
        self._effects: list[Callable[[], Awaitable[None] | None]] = []
        self._joining: set[str] = set()
        self._evicted: set[str] = set()  # since the running command, or the start, began

    @property
    def user(self) -> Identity:
        """Who is connected."""
        return self.credentials.identity

    # -- for handlers -----------------------------------------------------------------------

    def join(self, room: rooms.Room) -> None:
        """Let this connection into the room before the reply; FORBIDDEN if the room does not allow it."""
        if room.address in self.rooms:
            return
        if not room.allows(self.user):
            raise ClientError("FORBIDDEN", "You may not listen there.")
        self._joining.add(room.address)
        if sum(self.rooms.values()) + len(self._joining) > conf().max_rooms:
            raise ClientError("TOO_MANY_ROOMS", f"A connection can be in {conf().max_rooms} rooms; leave one first.")
        self._effects.append(lambda: self._enter(room.address, by_request=True))

    def leave(self, room: rooms.Room) -> None:
        """Take this connection out of the room before the reply."""
        self._effects.append(lambda: self._exit(room.address))

    def send(self, event: Event) -> None:
        """Tell this connection alone, before the reply."""
        self._effects.append(lambda: self.hear(event_frame(self.codec, event)))

    def hear(self, frame: Frame) -> None:
        """Write a frame, behind the greeting and in order. On the loop."""
        if self._held is None:
            self.sink.write(frame)
        elif not self._held.add(frame):
            self.sink.close(Close.SLOW_CONSUMER, "too slow")

    # -- life -------------------------------------------------------------------------------

    async def start(self, credentials: Credentials) -> None:
        """Join the automatic rooms and greet; what is heard meanwhile comes after the greeting."""
        self.credentials = credentials
        self._held = Backlog(conf().send_buffer)
        self._is_started = True
        self._process.hub.attach(self)
        self._watch_expiry()
        for address in await database.run(rooms.automatic, self.user):
            if address not in self._evicted:
                await self._enter(address)
        await self._process.presence.connect(self.user.id, self.id)
        greeting = Connected(
            user_id=self.user.id,
            connection_id=self.id,
            rooms=sorted(self.rooms),
            server_time=now(),
            heartbeat_interval=conf().heartbeat_interval,
        )
        self._release(event_frame(self.codec, greeting))
        logger.info("connected", extra={"user": self.user.id, "connection": self.id})

    def _release(self, greeting: Frame) -> None:
        held, self._held = self._held, None
        self.sink.write(greeting)
        while held:
            self.sink.write(held.take())

    async def stop(self) -> None:
        """The connection has gone."""
        if not self._is_started:
            return
        self._is_started = False
        self._cancel_timers()
        await self._process.hub.detach(self)
        await self._process.presence.disconnect(self.user.id, self.id)
        logger.info("disconnected", extra={"user": self.user.id, "connection": self.id})

    def renew(self, credentials: Credentials) -> None:
        """Go on with a new token of the same user."""
        if credentials.identity.id != self.user.id:
            raise ClientError("AUTH_FAILED", "This token belongs to somebody else.")
        self.credentials = credentials
        self._process.hub.attach(self)  # once more: a revocation may have come while the token was checked
        self._watch_expiry()

    def revoke(self, *, keep: str | None) -> None:
        """End the connection, unless its token is of the generation `keep`."""
        if keep is None or keep != self.credentials.generation:
            self.end(ClientError("AUTH_FAILED", "You were logged out."), Close.UNAUTHENTICATED)

    def end(self, error: ClientError, close: Close) -> None:
        """Tell the client why, and close."""
        self.sink.close(close, error.code, farewell=error_frame(self.codec, error.body()))

    def go_away(self, reason: str) -> None:
        """Send the client to another connection; it comes back by itself."""
        self.sink.close(Close.GOING_AWAY, reason)

    def _watch_expiry(self) -> None:
        self._cancel_timers()
        loop, left = asyncio.get_running_loop(), self.credentials.expires_at - time.time()
        self._timers = [
            loop.call_later(max(0.0, left - conf().expiry_warning), self._warn),
            loop.call_later(max(0.0, left), self._expire),
        ]

    def _cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()

    def _warn(self) -> None:
        event = AuthExpiring(expires_at=iso_unix(self.credentials.expires_at))
        self.hear(event_frame(self.codec, event))

    def _expire(self) -> None:
        self.end(ClientError("TOKEN_EXPIRED", "Your token has expired."), Close.UNAUTHENTICATED)

    # -- membership, on the loop --------------------------------------------------------------

    async def admit(self, address: str) -> None:
        """Join a room that the user has just been let into."""
        self._evicted.discard(address)
        await self._enter(address)

    async def evict(self, address: str) -> None:
        """Leave a room that the user has just been removed from."""
        self._evicted.add(address)
        await self._exit(address)

    async def _enter(self, address: str, *, by_request: bool = False) -> None:
        if by_request and address in self._evicted:
            raise ClientError("FORBIDDEN", "You may not listen there.")
        if self._is_started and address not in self.rooms:
            self.rooms[address] = by_request
            try:
                await self._process.hub.join(self, address)
            except ConnectionError:
                self.rooms.pop(address, None)
                raise
            logger.debug("joined", extra={"connection": self.id, "room": address})

    async def _exit(self, address: str) -> None:
        if self.rooms.pop(address, None) is not None:
            await self._process.hub.leave(self, address)
            logger.debug("left", extra={"connection": self.id, "room": address})

    # -- commands -----------------------------------------------------------------------------

    async def run(self, name: str, data: bytes, respond: Respond) -> None:
        """Run one command: known name, rate, payload, then the handler; `respond` is called once.

        What the handler published goes out after the reply, so that a sender hears of its own
        change after the answer to it; only changes of who hears what go first.
        """
        self._effects.clear()
        self._joining.clear()
        self._evicted.clear()
        held: list[Batch] = []
        try:
            reply: bytes | ClientError = await self._call(name, data, held)
            for effect in self._effects:
                if (waiting := effect()) is not None:
                    await waiting
        except Exception as error:  # noqa: BLE001 -- translated, and logged there if it is a surprise
            reply = translate(error)
        urgent = any(batch.is_urgent for batch in held)
        if urgent:
            await self._process.publisher.submit_all(held)
        respond(reply)
        if not urgent:
            for batch in held:
                self._process.publisher.submit(batch)

    async def _call(self, name: str, data: bytes, held: list[Batch]) -> bytes:
        command = commands.registry.get(name)
        if command is None:
            raise ClientError("UNKNOWN_EVENT", "There is no such command; see docs/protocol.md for those there are.")
        if command.rate is not None:
            wait = await limits().hit(command.rate, command.name, self.user.id)
            if wait is not None:
                raise refusal(wait)
        payload = command.decode(data)
        arguments: tuple[Any, ...] = (self, payload) if command.takes_payload else (self,)
        if command.is_async:
            reply = await command.handler(*arguments)
        else:
            reply = await database.run(_held, held, command.handler, arguments)
        return encode({} if reply is None else reply)


def _held(held: list[Batch], handler: commands.Handler, arguments: tuple[Any, ...]) -> Any:
    hold(held)
    return handler(*arguments)
