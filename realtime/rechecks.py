"""Whether those who were let in, or put out, are where they belong.

What two processes tell of one person at the same moment can arrive in either order: an admission behind the
eviction that came after it. So each is looked up once more when it has been applied: by then the database knows.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final, NamedTuple

from django.db import Error as DatabaseError

from realtime import database
from realtime.auth import Identity
from realtime.conf import conf
from realtime.publishing import Admit, Evict, publish
from realtime.rooms import Room, parse

logger = logging.getLogger(__name__)


class Place(NamedTuple):
    """Where somebody is now, or is not any more."""

    user: Identity
    address: str
    is_in: bool


class Rechecks:
    """On the event loop. What nothing in the database agrees with is taken back."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], Place] = {}  # the last one of each user and address
        self._wake: Final = asyncio.Event()

    def add(self, place: Place) -> None:
        """Look it up soon."""
        self._places[place.user.id, place.address] = place
        self._wake.set()

    async def run(self) -> None:
        """Look up what comes, for ever; again, where the database does not answer."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            places, self._places = self._places, {}
            try:
                await database.run(_correct, places.values())
            except (DatabaseError, OSError):
                logger.exception("whether people are in the rooms they belong in could not be looked up; trying again")
                self._places = places | self._places
                self._wake.set()
                await asyncio.sleep(conf().relay_interval)


def agrees(places: Iterable[Place]) -> bool:
    """Whether all of these are as the database has it. In a database thread."""
    return all(room is None or _is_right(place, room) for place in places for room in [parse(place.address)])


def _correct(places: Iterable[Place]) -> None:
    for place in places:
        room = parse(place.address)
        if room is not None and not _is_right(place, room):
            publish((Evict if place.is_in else Admit)(place.user.id, room))


def _is_right(place: Place, room: Room) -> bool:
    """Who is in must be allowed there. Who is out stays out, but of a room that one is in by itself."""
    try:
        is_allowed = room.allows(place.user)
        return is_allowed if place.is_in else not (is_allowed and room in room.automatic(place.user))
    except DatabaseError:
        raise
    except Exception:
        logger.exception("whether somebody may be in %s is not known; denied", room.address)
        return not place.is_in
