"""One connected person: who, in which rooms, until when, and the running of commands. No socket in it."""

import logging
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from realtime import database
from realtime.auth import Credentials, Identity
from realtime.codec import Codec, direct_push
from realtime.conf import conf
from realtime.deadlines import Action, Deadlines
from realtime.errors import ClientError, Close
from realtime.events import Event
from realtime.expiry import AuthExpiring, Expiry
from realtime.log import Kept, Record, Stay
from realtime.membership import Membership
from realtime.outbound import Frame, Sink, drop
from realtime.resuming import Opening, Resume, find, frames, stays_of
from realtime.rooms import Room
from realtime.running import Effect, Respond, run
from realtime.signals import going_on
from realtime.times import iso_unix

if TYPE_CHECKING:
    from realtime.process import Process

logger = logging.getLogger(__name__)


class Session:
    """Runs on the event loop; `join`, `leave` and `send` are for handlers, in any thread."""

    def __init__(self, process: "Process", codec: Codec, sink: Sink) -> None:
        self.id: Final = uuid4().hex
        self.codec = codec
        self.sink: Final = sink
        self.write = sink.write  # a frame, behind all others: the hub's shortest way
        self.is_opening = False  # from the start to the greeting; then what is heard is held
        self.credentials: Credentials
        self.is_recovered = False
        self.process: Final = process
        self._is_started = False
        self._kept = Kept(process.log)
        self._membership = Membership(self, self._kept)
        self._opening: Opening | None = None
        self._resuming: str | None = None  # the key of the session that this one is about to become
        self._expiry = Expiry(self._warn, self._expire)
        self._effects: list[Effect] = []
        self._joining: set[str] = set()
        self._deadlines = Deadlines()

    @property
    def user(self) -> Identity:
        """Who is connected."""
        return self.credentials.identity

    @property
    def rooms(self) -> dict[str, Stay]:
        """Where it listens, by address."""
        return self._membership.stays

    @property
    def is_started(self) -> bool:
        """Whether somebody is logged in here."""
        return self._is_started

    # -- for handlers -----------------------------------------------------------------------

    def join(self, room: Room) -> None:
        """Let this connection into the room before the reply; FORBIDDEN if the room does not allow it."""
        if room.address in self.rooms:
            return
        room.require(self.user)
        self._joining.add(room.address)
        if sum(stay.by_request for stay in self.rooms.values()) + len(self._joining) > conf().max_rooms:
            raise ClientError("TOO_MANY_ROOMS", f"A connection can be in {conf().max_rooms} rooms; leave one first.")
        self._effects.append(lambda: self._membership.enter(room.address, by_request=True))

    def leave(self, room: Room) -> None:
        """Take this connection out of the room before the reply; FORBIDDEN if it could not even be in there."""
        if room.address not in self.rooms:
            room.require(self.user)
        self._effects.append(lambda: self._membership.exit(room.address))

    def send(self, event: Event) -> None:
        """Tell this connection alone, before the reply."""
        self._effects.append(lambda: self.tell(event.wire, event))

    def later(self, key: Hashable, seconds: float | None, action: Action | None, *, grace: float = 0) -> None:
        """Run an action in a database thread after so long, or when this connection ends; see `Deadlines.set`."""
        self._effects.append(lambda: self._deadlines.set(key, seconds, action, grace=grace))

    async def ask(self, event: Event) -> Any:
        """Tell this connection alone, and return the arguments of its acknowledgement; see `Sink.ask`."""
        return await self.sink.ask(direct_push(event.wire, event, self.position))

    # -- what is heard ----------------------------------------------------------------------

    def hold(self, frame: Frame, number: int, *, is_logged: bool) -> None:
        """Keep a broadcast until after the greeting; with its number in the log, or the one before it."""
        assert self._opening is not None
        if not self._opening.hold(frame, number, is_logged=is_logged):
            self.go_away("too much was told before the greeting")

    def mute(self) -> None:
        """Nothing more is written."""
        self.write = drop

    def tell(self, name: str, payload: object) -> None:
        """Tell this connection alone. On the loop."""
        if self._opening is not None:
            self._opening.told.append((name, payload))
        elif (frame := self.codec.push(direct_push(name, payload, self.position))) is not None:
            self.write(frame)

    @property
    def position(self) -> str:
        """Up to where this client has been told everything by what was written so far."""
        log, opening = self.process.log, self._opening
        return log.offset(log.number if opening is None else opening.after)

    @property
    def offset(self) -> str:
        """The same for its greeting, which goes before or after what it missed."""
        log, opening = self.process.log, self._opening
        return log.offset(opening.number) if opening is not None and not self.codec.greets_first else self.position

    @property
    def key(self) -> str | None:
        """Under which another connection can resume it."""
        return self._kept.key

    # -- life -------------------------------------------------------------------------------

    async def start(self, credentials: Credentials, *, key: str | None = None, resume: Resume | None = None) -> None:
        """Join the rooms, those of the session that is resumed or the automatic ones; `greet` follows.

        With a `key` another connection can resume it. What is heard meanwhile comes after the greeting.
        If nothing but the key of a lost session told who this is, and it is not found, nobody is logged in.
        A session of nobody in particular becomes somebody's: it goes on hearing what it hears.
        """
        if self._is_started:
            self.process.hub.detach(self)
        before, self.credentials = list(self.rooms.values()), credentials
        self._opening, self.is_opening = Opening(self.process.log), True
        self._kept.applied(self.process.log.number)
        self._is_started = True
        self.process.hub.attach(self)
        self._expiry.watch(credentials.expires_at)
        lost = None if resume is None else await self._resume(resume)
        if lost is None and resume is not None and resume.is_proof:
            await self.stop()
            return
        if lost is None:
            await self._membership.begin(of=before)
        if self.sink.is_closed:  # the token was revoked meanwhile, or the session resumed elsewhere
            return
        if key is not None:
            self._keep(key, resume, lost)
        if self.user.is_authenticated:
            await self.process.presence.connect(self.user.id, self.id)
        logger.info("connected", extra={"user": self.user.id, "connection": self.id})

    def _keep(self, key: str, resume: Resume | None, lost: Record | None) -> None:
        assert self._opening is not None
        record = Record(key, self.codec.name, self.credentials, self._opening.number, self.rooms)
        if lost is not None and resume is not None:
            record.key = lost.key if resume.keeps_key else key
            record.take_over(lost)
            self.process.hub.supersede(self, lost.key)
            self._deadlines = self.process.lingering.come_back(lost.key) or self._deadlines
        self._kept.begin(record)

    def greet(self) -> None:
        """The greeting and what was missed, then what was heard meanwhile. Nothing if that has been done."""
        if self._opening is None:
            return
        greeting = self.codec.greeting(self)
        opening, self._opening, self.is_opening = self._opening, None, False
        for frame in opening.frames(greeting, self.codec):
            self.write(frame)

    async def stop(self, *, for_good: bool = False) -> None:
        """The connection has gone; if not for good, another one can resume the session for a while."""
        if not self._is_started:
            return
        self._is_started, self._opening, self.is_opening = False, None, False
        self._expiry.cancel()
        await self.process.lingering.part(None if for_good else self.key, self._deadlines)
        self._kept.release(for_good=for_good)
        self.process.hub.detach(self)
        await self._membership.end()
        if self.user.is_authenticated:
            await self.process.presence.disconnect(self.user.id, self.id)
        logger.info("disconnected", extra={"user": self.user.id, "connection": self.id})

    def renew(self, credentials: Credentials) -> None:
        """Go on with a new token of the same user."""
        if credentials.identity.id != self.user.id:
            raise ClientError("AUTH_FAILED", "This token belongs to somebody else.")
        self.credentials = credentials
        self.process.hub.attach(self)  # once more: a revocation may have come while the token was checked
        self._expiry.watch(credentials.expires_at)
        self._membership.changed()

    def revoke(self, *, keep: str | None) -> None:
        """End the connection, unless its token is of the generation `keep`."""
        if keep is None or keep != self.credentials.generation:
            self.end(ClientError("AUTH_FAILED", "You were logged out."), Close.UNAUTHENTICATED)

    def end(self, error: ClientError, close: Close) -> None:
        """Tell the client why, and close for good."""
        self.forget()
        self.sink.close(close, error.code, farewell=self.codec.push(direct_push("error", error.body(), self.position)))

    def forget(self) -> None:
        """Nobody can resume it."""
        self._kept.release(for_good=True)

    def go_away(self, reason: str) -> None:
        """Send the client to another connection; it comes back by itself."""
        self.sink.close(Close.GOING_AWAY, reason)

    def _warn(self) -> None:
        self.tell(AuthExpiring.wire, AuthExpiring(expires_at=iso_unix(self.credentials.expires_at)))

    def _expire(self) -> None:
        self.end(ClientError("TOKEN_EXPIRED", "Your token has expired."), Close.UNAUTHENTICATED)

    async def _resume(self, resume: Resume) -> Record | None:
        """The lost session, if this is it again: in its rooms, with all that it missed ready to be sent."""
        log, codec = self.process.log, resume.codec
        self._resuming = resume.key
        lost = await find(log, self.credentials, resume)
        stays = None if lost is None else await stays_of(log, lost, self.user, codec)
        if lost is None or stays is None or self.sink.is_closed:
            self._resuming = None
            return None
        self.process.hub.supersede(self, lost.record.key)
        before, self.codec = self.codec, codec  # of what is heard, or admitted, from here on
        number = log.number
        for stay in stays:
            if stay.until is None and stay.address not in self._membership.evicted:
                await self._membership.enter(stay.address, by_request=stay.by_request, since=stay.since)
        missed = await log.missed(lost.record, lost.after, codec.admits)
        replay = None if missed is None else frames(log, codec, missed)
        assert self._opening is not None
        if missed is None or replay is None:
            for address in list(self.rooms):
                await self._membership.exit(address)
            self._opening, self._resuming, self.codec = Opening(log), None, before
            return None
        self._opening.resume(lost, missed, replay)
        self._kept.applied(number)
        self.is_recovered = True
        lost.record.past = [stay for stay in missed.stays if stay.until is not None]
        lost.record.began = max(lost.record.began, lost.after.number)  # of earlier times in rooms nothing is known now
        return lost.record

    def supersede(self, key: str) -> None:
        """Another connection goes on with the session of that key: if it is this one, this connection ends."""
        if key and key in {self.key, self._resuming}:
            self._deadlines = self.process.lingering.leave(key, self._deadlines)
            self._kept.release(for_good=False)
            self.go_away("resumed elsewhere")

    # -- membership, on the loop --------------------------------------------------------------

    async def admit(self, address: str, number: int) -> None:
        """Join a room that the user has just been let into, if this kind of session does so by itself."""
        await self._membership.admit(address, number)

    async def evict(self, address: str, number: int) -> None:
        """Leave a room that the user has just been removed from."""
        await self._membership.evict(address, number)

    async def speak(self, codec: Codec) -> None:
        """Go on in another vocabulary: of the rooms in those that are automatic there, or were asked for."""
        stays, before = list(self.rooms.values()), self.codec
        self.codec = codec  # at once: an admission may come meanwhile
        try:
            automatic, events = await database.run(lambda: (list(codec.automatic(self.user)), going_on(self.user.id)))
        except BaseException:  # a cancellation, too
            self.codec = before
            raise
        await self._membership.keep(automatic, of=stays)
        self._membership.changed()
        for event in events:
            self.tell(event.wire, event)

    async def run(self, name: str, data: bytes, respond: Respond) -> None:
        """Run one command; `respond` is called once."""
        self._effects.clear()
        self._joining.clear()
        self._membership.evicted.clear()
        await run(self, self._effects, name, data, respond)
