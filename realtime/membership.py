"""The rooms that one session is in, as they change."""

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from realtime import database
from realtime.errors import ClientError
from realtime.log import Kept, Stay
from realtime.rechecks import Place
from realtime.rooms import UserRoom
from realtime.signals import going_on

if TYPE_CHECKING:
    from realtime.sessions import Session

logger = logging.getLogger(__name__)


class Membership:
    """On the event loop. `stays` are the rooms by their addresses."""

    def __init__(self, session: "Session", kept: Kept) -> None:
        self.stays: dict[str, Stay] = {}
        self.evicted: set[str] = set()  # since the running command, or the start, began
        self._session, self._kept = session, kept

    async def enter(self, address: str, *, by_request: bool = False, since: int | None = None) -> None:
        """Hear the room when this returns; FORBIDDEN for who asked and was evicted meanwhile, ConnectionError.

        `since` is the number above which it is heard already, of a session that goes on.
        """
        if address in self.evicted:
            if by_request:
                raise ClientError("FORBIDDEN", "You may not listen there.")
            return
        session = self._session
        if not session.is_started or address in self.stays:
            return
        hub, log = session.process.hub, session.process.log
        self.stays[address] = Stay(address, log.number if since is None else since, by_request)
        try:
            joined = await hub.join(session, address)
        except BaseException:  # a cancellation, too
            self.stays.pop(address, None)
            raise
        if since is None and address in self.stays:
            self.stays[address] = Stay(address, joined, by_request)
        session.process.audience.changed(session.user.id, address)
        self.changed()
        logger.debug("joined", extra={"connection": session.id, "room": address})

    async def exit(self, address: str) -> None:
        """Hear nothing of it any more, at once."""
        stay = self.stays.pop(address, None)
        if stay is not None:
            self._kept.left(stay)
            await self._session.process.hub.leave(self._session, address)
            self._session.process.audience.changed(self._session.user.id, address)
            logger.debug("left", extra={"connection": self._session.id, "room": address})

    async def begin(self, of: Sequence[Stay]) -> None:
        """Enter the automatic rooms, and tell what is going on; of these times in rooms, keep what was asked for.

        One's own room comes first: what is not in the database yet is heard there.
        """
        session, user = self._session, self._session.user
        own = UserRoom(user.id).address if user.id else ""
        if own:
            await self.enter(own)
        automatic, events = await database.run(lambda: (list(session.codec.automatic(user)), going_on(user.id)))
        for address in automatic:
            await self.enter(address)
        if own and own not in automatic:
            await self.exit(own)
        await self.keep(automatic, of)
        for event in events:
            session.tell(event.wire, event)

    async def keep(self, automatic: Iterable[str], of: Sequence[Stay]) -> None:
        """Of these times in rooms, end all that were not asked for and are not among the automatic ones."""
        kept = set(automatic)
        for stay in of:
            if not stay.by_request and stay.address not in kept and self.stays.get(stay.address) is stay:
                await self.exit(stay.address)

    async def admit(self, address: str, number: int) -> None:
        """The user has just been let in; this kind of session enters by itself, or does not."""
        self.evicted.discard(address)
        if self._session.codec.admits(address):
            await self.enter(address)
            self._session.process.rechecks.add(Place(self._session.user, address, is_in=True))
        self._kept.applied(number)

    async def evict(self, address: str, number: int) -> None:
        """The user has just been removed."""
        self.evicted.add(address)
        await self.exit(address)
        self._session.process.rechecks.add(Place(self._session.user, address, is_in=False))
        self._kept.applied(number)

    async def end(self) -> None:
        """The connection has gone."""
        for address in list(self.stays):
            await self._session.process.hub.leave(self._session, address)
            self._session.process.audience.changed(self._session.user.id, address)
        self.stays.clear()

    def changed(self) -> None:
        """The rooms, the vocabulary or the token are others now."""
        self._kept.changed(self._session.codec.name, self._session.credentials)
