"""Which of this process's connections are in which room.

One channel-layer channel stands for all of them: it is in a room's group while any of them is in
the room. A broadcast is encoded once for each wire and handed to every listener; none is awaited.
"""

import asyncio
import logging
import time
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable
from weakref import WeakValueDictionary

import msgspec
from channels.layers import BaseChannelLayer

from realtime.codec import Codec, delivery_frame
from realtime.conf import conf
from realtime.connected import Connected
from realtime.log import Log
from realtime.outbound import Frame, join
from realtime.publications import (
    EVERY_PROCESS,
    Admission,
    Delivery,
    Disconnection,
    Eviction,
    Voiding,
    decode_publication,
)
from realtime.rooms import group

if TYPE_CHECKING:
    from realtime.sessions import Session

logger = logging.getLogger(__name__)

TOGETHER: Final = 20  # publications at the most that are handled before others have their turn
REVOCATIONS: Final = 1000  # the latest ones, for sessions whose token is being checked meanwhile


@runtime_checkable
class ReceivesMany(Protocol):
    """A channel layer that gives all that waits at once; ours do."""

    async def receive_many(self, channel: str, limit: int) -> Sequence[dict[str, Any]]:
        """At least one message, as soon as there is one."""


class Hub(Connected):
    """The rooms of one server process. Everything here runs on its event loop."""

    def __init__(self, layer: BaseChannelLayer, log: Log) -> None:
        super().__init__()
        self._layer = layer
        self._many = layer if isinstance(layer, ReceivesMany) else None
        self._log = log
        self._channel = ""
        self._subscribed: dict[str, int] = {}  # room -> the number above which all that is told there is heard
        self._doubtful: set[str] = set()  # rooms whose subscription broke off: the layer may know them
        self._lingering: OrderedDict[str, float] = OrderedDict()  # room -> until when, for those who come back
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._revocations: OrderedDict[str, tuple[float, Disconnection]] = OrderedDict()
        self._distrusted_before = 0.0  # by time.monotonic: what of earlier revocations is not remembered

    async def open(self) -> None:
        """Listen to what concerns every process."""
        self._channel = await self._layer.new_channel()
        await self._layer.group_add(EVERY_PROCESS, self._channel)
        if hasattr(self._layer, "on_gap"):
            self._layer.on_gap = self._gap

    async def run(self) -> None:
        """Handle what arrives, in order, for ever."""
        handled = 0
        while True:
            messages = await self._receive()
            deliveries: list[tuple[Delivery, int]] = []
            for message in messages:
                try:
                    publication = decode_publication(message["body"])
                    number = self._log.append(publication)
                    if isinstance(publication, Delivery):
                        deliveries.append((publication, number))
                        continue
                    self._deliver(deliveries)
                    deliveries = []
                    await self._handle(publication, number)
                except (msgspec.MsgspecError, KeyError):
                    logger.exception("a publication that this version cannot read was passed over")
                except ConnectionError:
                    logger.exception("an admission failed; the clients reconnect")
                    self._gap()
            self._deliver(deliveries)
            handled += len(messages)
            if handled >= TOGETHER:  # while there are messages, receiving them does not wait
                handled = 0
                await asyncio.sleep(0)

    async def _receive(self) -> Sequence[dict[str, Any]]:
        if self._many is None:
            return [await self._layer.receive(self._channel)]
        return await self._many.receive_many(self._channel, TOGETHER)

    # -- connections -----------------------------------------------------------------------

    @property
    def sessions(self) -> set["Session"]:
        """Everybody who is connected here."""
        return {session for sessions in self._users.values() for session in sessions}

    def attach(self, session: "Session") -> None:
        """From now on admissions, evictions and disconnections of the session's user reach it.

        One that came since the token was checked is applied at once; where that is not known any more, the
        client comes back, and its token is checked again.
        """
        self._users.setdefault(session.user.id, set()).add(session)
        if not session.user.is_authenticated:
            return
        arrived_at, revocation = self._revocations.get(session.user.id, (-1.0, None))
        if revocation is not None and arrived_at >= session.credentials.checked_at:
            session.revoke(keep=revocation.keep)
        if session.credentials.checked_at <= self._distrusted_before:
            session.go_away("the token may have been revoked")

    def detach(self, session: "Session") -> None:
        """They do not, any more."""
        sessions = self._users.get(session.user.id, set())
        sessions.discard(session)
        if not sessions:
            self._users.pop(session.user.id, None)

    def supersede(self, by: "Session", key: str) -> None:
        """This session resumes the one of that key: any other connection that has it ends."""
        for session in self._of(by.user.id):
            if session is not by:
                session.supersede(key)

    async def join(self, session: "Session", address: str) -> int:
        """Return, when the session hears the room, the number above which it does; ConnectionError."""
        self._rooms.setdefault(address, set()).add(session)
        self._lingering.pop(address, None)
        if address in self._subscribed:
            return self._log.number
        try:
            await self._reconcile(address)
        except BaseException:  # a cancellation, too
            self._remove(session, address)
            if address not in self._rooms:
                self._lingering[address] = time.monotonic()  # to be let go of at the next sweep
                self._lingering.move_to_end(address, last=False)
            raise
        return self._subscribed.get(address, self._log.number)

    async def leave(self, session: "Session", address: str) -> None:
        """The session hears nothing more of the room, at once; the log does, for `recovery_window` seconds."""
        self._remove(session, address)
        if address not in self._rooms:
            await self._linger(address)

    def _remove(self, session: "Session", address: str) -> None:
        members = self._rooms.get(address, set())
        members.discard(session)
        if not members:
            self._rooms.pop(address, None)

    async def _linger(self, address: str) -> None:
        """Go on listening to a room in which nobody is, so that nothing is lacking if they come back."""
        self._lingering[address] = time.monotonic() + conf().recovery_window
        if len(self._lingering) > conf().recovery_rooms:
            await self._let_go(next(iter(self._lingering)))

    async def sweep(self) -> None:
        """Let go of rooms to which nobody came back, and of what is too old in the log; for ever."""
        while True:
            await asyncio.sleep(conf().recovery_sweep)
            self._log.sweep()
            now = time.monotonic()
            while self._lingering and next(iter(self._lingering.values())) < now:
                await self._let_go(next(iter(self._lingering)))

    async def _let_go(self, address: str) -> None:
        self._lingering.pop(address, None)
        with suppress(ConnectionError):  # the layer forgets the group all the same
            await self._reconcile(address)

    async def _reconcile(self, address: str, since: int | None = None) -> None:
        """Bring the layer's membership in line; under a lock, so that a late leave cannot undo a join."""
        async with self._locks.setdefault(address, asyncio.Lock()):
            wanted = address in self._rooms or address in self._lingering
            if wanted and address not in self._subscribed:
                self._doubtful.add(address)
                await self._layer.group_add(group(address), self._channel)
                self._doubtful.discard(address)
                self._subscribed[address] = self._log.cover(address, since)
            elif not wanted and (address in self._subscribed or address in self._doubtful):
                self._subscribed.pop(address, None)
                self._doubtful.discard(address)
                self._log.uncover(address)
                await self._layer.group_discard(group(address), self._channel)

    # -- publications ------------------------------------------------------------------------

    async def _handle(self, publication: Admission | Eviction | Disconnection | Voiding, number: int) -> None:
        match publication:
            case Admission():
                await self._admit(publication, number)
            case Eviction():
                for session in self._of(publication.user):
                    await session.evict(publication.room, number)
            case Disconnection():
                self._remember(publication)
                for session in self._of(publication.user):
                    session.revoke(keep=publication.keep)
            case Voiding():
                pass  # a matter of the log

    async def _admit(self, admission: Admission, number: int) -> None:
        if f"user:{admission.user}" in self._subscribed and admission.room not in self._subscribed:
            await self._linger(admission.room)  # for those who join now, and for who comes back
            # What this process tells there next comes by the way of the admission; another's may be too early.
            await self._reconcile(admission.room, since=None if conf().redis_url else number)
        for session in self._of(admission.user):
            await session.admit(admission.room, number)

    def _remember(self, revocation: Disconnection) -> None:
        self._revocations[revocation.user] = (time.monotonic(), revocation)
        self._revocations.move_to_end(revocation.user)
        if len(self._revocations) > REVOCATIONS:
            _, (self._distrusted_before, _) = self._revocations.popitem(last=False)

    def _of(self, user: str) -> list["Session"]:
        return list(self._users.get(user, ()))

    def _deliver(self, deliveries: Sequence[tuple[Delivery, int]]) -> None:
        """To each listener what it is to hear of them, in one write."""
        if len(deliveries) == 1:
            for session, frame in self._frames(*deliveries[0]):
                session.write(frame)
            return
        due: defaultdict[Session, list[Frame]] = defaultdict(list)
        for delivery, number in deliveries:
            for session, frame in self._frames(delivery, number):
                due[session].append(frame)
        alike: defaultdict[tuple[Frame, ...], list[Session]] = defaultdict(list)  # most listeners hear the same
        for session, frames in due.items():
            if len(frames) == 1:
                session.write(frames[0])
            else:
                alike[tuple(frames)].append(session)
        for heard, sessions in alike.items():
            _write(join(heard), sessions)  # and let go: in all ways in which they can be heard they are too much

    def _frames(self, delivery: Delivery, number: int) -> "Iterator[tuple[Session, Frame]]":
        """Who is to be written what; those who are not greeted yet get it later."""
        frames: dict[Codec, Frame | None] = {}
        offset, exclude, is_logged = self._log.offset(number), delivery.exclude, delivery.durable
        spared = self._in_any(delivery.except_for) if delivery.except_for else None
        for session in self._listeners(delivery.rooms):
            if exclude and session.user.id in exclude:
                continue
            if spared and session in spared:
                continue
            codec = session.codec
            if codec not in frames:
                frames[codec] = delivery_frame(codec, delivery, offset)
            if (frame := frames[codec]) is None:
                continue
            if session.is_opening:
                session.hold(frame, number, is_logged=is_logged)
            else:
                yield session, frame

    def _listeners(self, addresses: tuple[str, ...]) -> Iterable["Session"]:
        if len(addresses) == 1:
            return self._rooms.get(addresses[0], ())
        return self._in_any(addresses)

    def _in_any(self, addresses: Iterable[str]) -> set["Session"]:
        return {session for address in addresses for session in self._rooms.get(address, ())}

    def _gap(self) -> None:
        """Something may have been missed: clients come back, hear that nothing can be resumed, and load the state."""
        self._distrusted_before = time.monotonic()
        self._log.reset(dict.fromkeys(self._subscribed, self._log.number))
        for session in self.sessions:
            session.go_away("events may have been missed")


def _write(frames: Sequence[Frame], sessions: "Sequence[Session]") -> None:
    for session in sessions:
        for frame in frames:
            session.write(frame)
