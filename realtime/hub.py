"""Which of this process's connections are in which room.

One channel-layer channel stands for all of them: it is in a room's group while any of them is in
the room. A broadcast is encoded once for each wire and handed to every listener; none is awaited.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

import msgspec
from channels.layers import BaseChannelLayer

from realtime.codec import Codec, delivery_frame
from realtime.outbound import Frame
from realtime.publications import (
    EVERY_PROCESS,
    Admission,
    Delivery,
    Disconnection,
    Eviction,
    Publication,
    decode_publication,
)
from realtime.rooms import group

if TYPE_CHECKING:
    from realtime.sessions import Session

logger = logging.getLogger(__name__)

REVOCATIONS: Final = 1000  # the latest ones, for sessions whose token is being checked meanwhile


class Hub:
    """The rooms of one server process. Everything here runs on its event loop."""

    def __init__(self, layer: BaseChannelLayer) -> None:
        self._layer = layer
        self._channel = ""
        self._rooms: dict[str, set[Session]] = {}
        self._users: dict[str, set[Session]] = {}
        self._subscribed: set[str] = set()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._revocations: OrderedDict[str, tuple[float, Disconnection]] = OrderedDict()

    async def open(self) -> None:
        """Listen to what concerns every process."""
        self._channel = await self._layer.new_channel()
        await self._layer.group_add(EVERY_PROCESS, self._channel)
        if hasattr(self._layer, "on_gap"):
            self._layer.on_gap = self._gap

    async def run(self) -> None:
        """Handle what arrives, in order, for ever."""
        while True:
            message = await self._layer.receive(self._channel)
            try:
                await self._handle(decode_publication(message["body"]))
            except (msgspec.MsgspecError, KeyError):
                logger.exception("a publication that this version cannot read was passed over")
            except ConnectionError:
                logger.exception("an admission failed; the clients reconnect")
                self._gap()

    # -- connections -----------------------------------------------------------------------

    @property
    def sessions(self) -> set["Session"]:
        """Everybody who is connected here."""
        return {session for sessions in self._users.values() for session in sessions}

    def attach(self, session: "Session") -> None:
        """From now on admissions, evictions and disconnections of the session's user reach it.

        One that came while the token was being checked is applied at once.
        """
        self._users.setdefault(session.user.id, set()).add(session)
        arrived_at, revocation = self._revocations.get(session.user.id, (-1.0, None))
        if revocation is not None and arrived_at >= session.credentials.checked_at:
            session.revoke(keep=revocation.keep)

    async def detach(self, session: "Session") -> None:
        """The session has gone."""
        sessions = self._users.get(session.user.id, set())
        sessions.discard(session)
        if not sessions:
            self._users.pop(session.user.id, None)
        for address in list(session.rooms):
            await self.leave(session, address)

    async def join(self, session: "Session", address: str) -> None:
        """Return when the session hears the room; ConnectionError if the layer is down."""
        self._rooms.setdefault(address, set()).add(session)
        if address in self._subscribed:
            return
        try:
            await self._reconcile(address)
        except ConnectionError:
            self._remove(session, address)
            raise

    async def leave(self, session: "Session", address: str) -> None:
        """The session hears nothing more of the room, at once."""
        self._remove(session, address)
        if address not in self._rooms:
            with suppress(ConnectionError):  # the layer forgets the group all the same
                await self._reconcile(address)

    def _remove(self, session: "Session", address: str) -> None:
        members = self._rooms.get(address, set())
        members.discard(session)
        if not members:
            self._rooms.pop(address, None)

    async def _reconcile(self, address: str) -> None:
        """Bring the layer's membership in line; under a lock, so that a late leave cannot undo a join."""
        async with self._locks.setdefault(address, asyncio.Lock()):
            wanted = address in self._rooms
            if wanted and address not in self._subscribed:
                await self._layer.group_add(group(address), self._channel)
                self._subscribed.add(address)
            elif not wanted and address in self._subscribed:
                self._subscribed.discard(address)
                await self._layer.group_discard(group(address), self._channel)

    # -- publications ------------------------------------------------------------------------

    async def _handle(self, publication: Publication) -> None:
        match publication:
            case Delivery():
                self._deliver(publication)
            case Admission():
                for session in self._of(publication.user):
                    await session.admit(publication.room)
            case Eviction():
                for session in self._of(publication.user):
                    await session.evict(publication.room)
            case Disconnection():
                self._remember(publication)
                for session in self._of(publication.user):
                    session.revoke(keep=publication.keep)

    def _remember(self, revocation: Disconnection) -> None:
        self._revocations[revocation.user] = (time.monotonic(), revocation)
        self._revocations.move_to_end(revocation.user)
        if len(self._revocations) > REVOCATIONS:
            self._revocations.popitem(last=False)

    def _of(self, user: str) -> list["Session"]:
        return list(self._users.get(user, ()))

    def _deliver(self, delivery: Delivery) -> None:
        frames: dict[Codec, Frame] = {}
        for session in self._listeners(delivery.rooms):
            if session.user.id in delivery.exclude:
                continue
            frame = frames.get(session.codec)
            if frame is None:
                frame = frames[session.codec] = delivery_frame(session.codec, delivery)
            session.hear(frame)

    def _listeners(self, addresses: tuple[str, ...]) -> Iterable["Session"]:
        if len(addresses) == 1:
            return self._rooms.get(addresses[0], ())
        return {session for address in addresses for session in self._rooms.get(address, ())}

    def _gap(self) -> None:
        """Something may have been missed: clients come back and load the state."""
        for session in self.sessions:
            session.go_away("events may have been missed")
