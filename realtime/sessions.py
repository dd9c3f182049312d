"""One connected person: who, in which rooms, until when, and the running of commands. No socket in it."""

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from realtime import database, rooms
from realtime.auth import Credentials, Identity
from realtime.codec import Codec, direct_push
from realtime.conf import conf
from realtime.couriers import Batch
from realtime.errors import ClientError, Close, translate
from realtime.events import Event
from realtime.expiry import AuthExpiring, Expiry
from realtime.log import Kept, Record, Stay
from realtime.outbound import Frame, Held, Sink
from realtime.resuming import Resume, find, frames
from realtime.running import call
from realtime.times import iso_unix

if TYPE_CHECKING:
    from realtime.process import Process

logger = logging.getLogger(__name__)

Respond = Callable[[bytes | ClientError], None]
"""What takes a command's reply: JSON of its payload, or an error."""
Effect = Callable[[], Awaitable[None] | None]


class Session:
    """Runs on the event loop; `join`, `leave` and `send` are for handlers, in any thread."""

    def __init__(self, process: "Process", codec: Codec, sink: Sink) -> None:
        self.id: Final = uuid4().hex
        self.codec = codec
        self.sink: Final = sink
        self.rooms: dict[str, Stay] = {}
        self.credentials: Credentials
        self.is_recovered = False
        self._process = process
        self._is_started = False
        self._kept = Kept(process.log)
        self._replay: list[Frame] = []
        self._after = self._number = 0  # before and after what was missed
        self._held: Held | None = None  # what is heard before it is sent
        self._expiry = Expiry(self._warn, self._expire)
        self._effects: list[Effect] = []
        self._joining: set[str] = set()
        self._evicted: set[str] = set()  # since the running command, or the start, began

    @property
    def user(self) -> Identity:
        """Who is connected."""
        return self.credentials.identity

    @property
    def is_started(self) -> bool:
        """Whether somebody is logged in here."""
        return self._is_started

    # -- for handlers -----------------------------------------------------------------------

    def join(self, room: rooms.Room) -> None:
        """Let this connection into the room before the reply; FORBIDDEN if the room does not allow it."""
        if room.address in self.rooms:
            return
        if not self.user.is_authenticated and not room.is_public:
            raise ClientError("AUTH_REQUIRED", "Log in to listen there.")
        if not room.allows(self.user):
            raise ClientError("FORBIDDEN", "You may not listen there.")
        self._joining.add(room.address)
        if sum(stay.by_request for stay in self.rooms.values()) + len(self._joining) > conf().max_rooms:
            raise ClientError("TOO_MANY_ROOMS", f"A connection can be in {conf().max_rooms} rooms; leave one first.")
        self._effects.append(lambda: self._enter(room.address, by_request=True))

    def leave(self, room: rooms.Room) -> None:
        """Take this connection out of the room before the reply."""
        self._effects.append(lambda: self._exit(room.address))

    def send(self, event: Event) -> None:
        """Tell this connection alone, before the reply."""
        self._effects.append(lambda: self.tell(event.wire, event))

    async def ask(self, event: Event) -> Any:
        """Tell this connection alone, and return the arguments of its acknowledgement; see `Sink.ask`."""
        return await self.sink.ask(direct_push(event.wire, event, self.position))

    # -- what is heard ----------------------------------------------------------------------

    def hear(self, frame: Frame, number: int | None = None) -> None:
        """Write a frame, in order; `number` is its own in the log, if it is there. On the loop."""
        if self._held is None:
            self.sink.write(frame)
        elif not self._held.add(frame, number):
            self.sink.close(Close.SLOW_CONSUMER, "too slow")

    def tell(self, name: str, payload: object) -> None:
        """Tell this connection alone. On the loop."""
        frame = self.codec.push(direct_push(name, payload, self.position))
        if frame is not None:
            self.hear(frame)

    @property
    def offset(self) -> str:
        """Where a session stands that is just being greeted."""
        return self._process.log.offset(self._after if self.codec.greets_first else self._number)

    @property
    def position(self) -> str:
        """Up to where it has heard everything."""
        return self._process.log.offset(self._process.log.number)

    @property
    def key(self) -> str | None:
        """Under which another connection can resume it."""
        return self._kept.key

    # -- life -------------------------------------------------------------------------------

    async def start(self, credentials: Credentials, *, key: str | None = None, resume: Resume | None = None) -> None:
        """Join the rooms, those of the session that is resumed or the automatic ones; `greet` follows.

        With a `key` another connection can resume it. What is heard meanwhile comes after the greeting.
        """
        self.credentials = credentials
        self._wait()
        self._is_started = True
        self._process.hub.attach(self)
        self._expiry.watch(credentials.expires_at)
        lost = None if resume is None else await self._resume(resume)
        if lost is None:
            for address in await database.run(lambda: list(self.codec.automatic(self.user))):
                if address not in self._evicted:
                    await self._enter(address)
        if key is not None:
            began, past = (self._number, []) if lost is None else (lost.began, lost.past)
            key = lost.key if lost is not None and resume is not None and resume.keeps_key else key
            self._kept.begin(Record(key, self.codec.name, credentials, began, self.rooms, past))
        if self.user.is_authenticated:
            await self._process.presence.connect(self.user.id, self.id)
        logger.info("connected", extra={"user": self.user.id, "connection": self.id})

    def _wait(self) -> None:
        """What is heard from here on waits for the greeting."""
        self._after = self._number = self._process.log.number
        self._held = Held(conf().send_buffer)

    def greet(self) -> None:
        """The greeting and what was missed, then what was heard meanwhile. Nothing if that has been done."""
        held, self._held = self._held, None
        if held is None:
            return
        greeting = self.codec.greeting(self)
        greetings = [] if greeting is None else [greeting]
        first, then = (greetings, self._replay) if self.codec.greets_first else (self._replay, greetings)
        for frame in (*first, *then):
            self.sink.write(frame)
        self._replay = []
        for frame in held.above(self._number):
            self.sink.write(frame)

    async def stop(self, *, for_good: bool = False) -> None:
        """The connection has gone; if not for good, another one can resume the session for a while."""
        if not self._is_started:
            return
        self._is_started = False
        self._expiry.cancel()
        self._kept.release(for_good=for_good)
        await self._process.hub.detach(self)
        if self.user.is_authenticated:
            await self._process.presence.disconnect(self.user.id, self.id)
        logger.info("disconnected", extra={"user": self.user.id, "connection": self.id})

    def renew(self, credentials: Credentials) -> None:
        """Go on with a new token of the same user."""
        if credentials.identity.id != self.user.id:
            raise ClientError("AUTH_FAILED", "This token belongs to somebody else.")
        self.credentials = credentials
        self._process.hub.attach(self)  # once more: a revocation may have come while the token was checked
        self._expiry.watch(credentials.expires_at)
        self._kept.changed(self.codec.name, self.credentials)

    def revoke(self, *, keep: str | None) -> None:
        """End the connection, unless its token is of the generation `keep`."""
        if keep is None or keep != self.credentials.generation:
            self.end(ClientError("AUTH_FAILED", "You were logged out."), Close.UNAUTHENTICATED)

    def end(self, error: ClientError, close: Close) -> None:
        """Tell the client why, and close for good."""
        self._kept.release(for_good=True)
        farewell = self.codec.push(direct_push("error", error.body(), self.position))
        self.sink.close(close, error.code, farewell=farewell)

    def go_away(self, reason: str) -> None:
        """Send the client to another connection; it comes back by itself."""
        self.sink.close(Close.GOING_AWAY, reason)

    def _warn(self) -> None:
        self.tell(AuthExpiring.wire, AuthExpiring(expires_at=iso_unix(self.credentials.expires_at)))

    def _expire(self) -> None:
        self.end(ClientError("TOKEN_EXPIRED", "Your token has expired."), Close.UNAUTHENTICATED)

    # -- recovery -----------------------------------------------------------------------------

    async def _resume(self, resume: Resume) -> Record | None:
        """The lost session, if this is it again: in its rooms, with all that it missed ready to be sent."""
        log = self._process.log
        lost = await find(log, self.codec, self.credentials, resume)
        if lost is None or (missed := await log.missed(lost.record, lost.after)) is None:
            return None
        self._process.hub.supersede(self.user.id, lost.record.key)
        for stay in missed.rooms.values():
            if stay.address not in self._evicted:
                await self._enter(stay.address, by_request=stay.by_request, since=stay.since)
        missed = await log.missed(lost.record, lost.after)  # once more: of what was told meanwhile, too
        replay = None if missed is None else frames(log, self.codec, missed)
        if missed is None or replay is None:
            for address in list(self.rooms):
                await self._exit(address)
            self._wait()
            return None
        self._replay, self._after, self._number, self.is_recovered = replay, lost.after.number, missed.number, True
        return lost.record

    def supersede(self, key: str) -> None:
        """Another connection goes on with the session of that key: if it is this one, this connection ends."""
        if self.key == key:
            self._kept.release(for_good=False)
            self.go_away("resumed elsewhere")

    # -- membership, on the loop --------------------------------------------------------------

    async def admit(self, address: str) -> None:
        """Join a room that the user has just been let into."""
        self._evicted.discard(address)
        await self._enter(address)

    async def evict(self, address: str) -> None:
        """Leave a room that the user has just been removed from."""
        self._evicted.add(address)
        await self._exit(address)

    async def speak(self, codec: Codec) -> None:
        """Go on in another vocabulary: in its automatic rooms, and in those that the client asked for."""
        kept = set(await database.run(lambda: list(codec.automatic(self.user))))
        for stay in list(self.rooms.values()):
            if not stay.by_request and stay.address not in kept:
                await self._exit(stay.address)
        self.codec = codec
        self._kept.changed(self.codec.name, self.credentials)

    async def _enter(self, address: str, *, by_request: bool = False, since: int | None = None) -> None:
        if by_request and address in self._evicted:
            raise ClientError("FORBIDDEN", "You may not listen there.")
        if self._is_started and address not in self.rooms:
            self.rooms[address] = Stay(address, self._process.log.number if since is None else since, by_request)
            try:
                await self._process.hub.join(self, address)
            except ConnectionError:
                self.rooms.pop(address, None)
                raise
            self._kept.changed(self.codec.name, self.credentials)
            logger.debug("joined", extra={"connection": self.id, "room": address})

    async def _exit(self, address: str) -> None:
        stay = self.rooms.pop(address, None)
        if stay is not None:
            self._kept.left(stay)
            await self._process.hub.leave(self, address)
            logger.debug("left", extra={"connection": self.id, "room": address})

    # -- commands -----------------------------------------------------------------------------

    async def run(self, name: str, data: bytes, respond: Respond) -> None:
        """Run one command; `respond` is called once.

        What the handler published goes out after the reply, so that a sender hears of its own
        change after the answer to it; only changes of who hears what go first.
        """
        self._effects.clear()
        self._joining.clear()
        self._evicted.clear()
        held: list[Batch] = []
        try:
            reply: bytes | ClientError = await call(self, name, data, held)
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
