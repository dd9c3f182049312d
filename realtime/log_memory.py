"""The recovery log in this process's memory. It ends with the process."""

import time
from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable, Iterator
from itertools import chain, takewhile
from secrets import token_hex
from typing import NamedTuple

from realtime.conf import conf
from realtime.log import Admits, Missed, Position, Record, Stay, Told
from realtime.log_sessions import Sessions
from realtime.outbound import OVERHEAD
from realtime.publications import Admission, Delivery, Disconnection, Eviction, Publication, Voiding


class Entry(NamedTuple):
    """A publication that is kept."""

    number: int
    publication: Delivery | Admission | Eviction | Voiding
    rooms: tuple[str, ...]
    size: int
    at: float  # by time.monotonic

    @property
    def replaces(self) -> Hashable | None:
        """The same of two cumulative events that the same people hear: the later says all of the earlier."""
        told = self.publication
        if not isinstance(told, Delivery) or told.key is None:
            return None
        return told.event, told.key, told.exclude, told.except_for


Key = tuple[str, str, str]
"""What a `latest` event replaces: room, event and the value of its `by`."""


class MemoryLog:
    """The latest events, at most `recovery_events` a room and `recovery_bytes` in all."""

    def __init__(self) -> None:
        self._epoch = token_hex(4)
        self._number = 0
        self._sessions = Sessions()
        self._begin(())

    def _begin(self, covered: Iterable[str]) -> None:
        self._entries: deque[Entry] = deque()
        self._size = 0
        self._floor = self._number  # the last number that was let go of for its age or the size of all
        self._rooms: dict[str, deque[Entry]] = {}
        self._cumulative: dict[str, dict[Hashable, Entry]] = {}  # by room, and what each replaces
        self._trimmed: dict[str, int] = {}  # the last number that was let go of because the room has too many
        self._covered: dict[str, int] = dict.fromkeys(covered, self._number)
        self._latest: OrderedDict[Key, Entry] = OrderedDict()
        self._latest_in: dict[str, OrderedDict[Key, None]] = {}
        self._overflowed: dict[str, int] = {}  # of such an event let go of for want of space: the number before it
        self._aged = -1  # and for its age

    @property
    def number(self) -> int:
        """The last number given."""
        return self._number

    def offset(self, number: int) -> str:
        """As a client sees it."""
        return f"{self._epoch}-{number}"

    # -- what is told -----------------------------------------------------------------------

    def append(self, publication: Publication) -> int:
        """The number of a publication, or of the one before it if it is not kept."""
        if isinstance(publication, Disconnection):
            self._sessions.revoke(publication)
        elif isinstance(publication, Delivery):
            self._append_delivery(publication)
        elif isinstance(publication, Voiding):
            self._void(publication)
        elif (room := f"user:{publication.user}") in self._covered:
            self._keep(publication, (room,), OVERHEAD)
        return self._number

    def _append_delivery(self, delivery: Delivery) -> None:
        names = (*delivery.rooms, *delivery.exclude)
        size = len(bytes(delivery.data)) + sum(map(len, names)) + OVERHEAD * (1 + len(names))
        if delivery.policy == "durable":
            self._keep(delivery, delivery.rooms, size)
        elif delivery.policy == "latest":
            entry = Entry(self._number, delivery, delivery.rooms, size, time.monotonic())
            for room in self._covered.keys() & delivery.rooms:
                key = (room, delivery.event, delivery.key or "")
                self._latest[key] = entry
                self._latest.move_to_end(key)
                keys = self._latest_in.setdefault(room, OrderedDict())
                keys[key] = None
                keys.move_to_end(key)
            while len(self._latest) > conf().recovery_latest:
                room, number = self._drop_latest()
                self._overflowed[room] = number

    def _void(self, voiding: Voiding) -> None:
        room = voiding.room
        if room not in self._covered:
            return
        cumulative = self._cumulative.pop(room, {}).values()
        entries = self._rooms.get(room, deque())
        last = max([entry.number for entry in (*entries, *cumulative)], default=0)
        entries.clear()
        if room.startswith("user:"):  # which is looked at whenever that user comes back: it is about all that was told
            last = self._number
        self._trimmed[room] = max(last, self._trimmed.get(room, 0))
        self._keep(voiding, (room,), OVERHEAD)  # for as long as anything of before may be

    def _keep(self, publication: Delivery | Admission | Eviction | Voiding, rooms: tuple[str, ...], size: int) -> None:
        self._number += 1
        entry = Entry(self._number, publication, rooms, size, time.monotonic())
        self._entries.append(entry)
        self._size += size
        if (replaced := entry.replaces) is not None:
            for room in rooms:
                self._cumulative.setdefault(room, {})[replaced] = entry
            rooms = ()
        for room in rooms:
            entries = self._rooms.setdefault(room, deque())
            entries.append(entry)
            if len(entries) > conf().recovery_events:
                self._trimmed[room] = entries.popleft().number
        while self._size > conf().recovery_bytes:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        entry = self._entries.popleft()
        self._size -= entry.size
        self._floor = entry.number
        if (replaced := entry.replaces) is not None:
            self._drop_cumulative(entry, replaced)
            return
        for room in entry.rooms:
            entries = self._rooms.get(room)
            if entries and entries[0] is entry:
                entries.popleft()
            if not entries:
                self._rooms.pop(room, None)
                self._trimmed.pop(room, None)

    def _drop_cumulative(self, entry: Entry, replaced: Hashable) -> None:
        for room in entry.rooms:
            entries = self._cumulative.get(room, {})
            if entries.get(replaced) is entry:
                del entries[replaced]
            if not entries:
                self._cumulative.pop(room, None)

    def _drop_latest(self) -> tuple[str, int]:
        key, entry = self._latest.popitem(last=False)
        keys = self._latest_in[key[0]]
        del keys[key]
        if not keys:
            del self._latest_in[key[0]]
        return key[0], entry.number

    def cover(self, address: str, since: int | None = None) -> int:
        """From here on everything that is told in the room is appended; returns the number above which it is."""
        if since is None:
            self._number += 1
            since = self._number
        return self._covered.setdefault(address, since)

    def uncover(self, address: str) -> None:
        """No longer."""
        self._covered.pop(address, None)
        self._overflowed.pop(address, None)
        for key in self._latest_in.pop(address, ()):
            del self._latest[key]

    def reset(self, covered: Iterable[str]) -> None:
        """Something may be missing: begin a new epoch, in which these rooms are covered."""
        self._epoch = token_hex(4)
        self._number += 1
        self._sessions = Sessions()
        self._begin(covered)

    def sweep(self) -> None:
        """Let go of what is older than `recovery_window`."""
        horizon = time.monotonic() - conf().recovery_window
        while self._entries and self._entries[0].at < horizon:
            self._drop_oldest()
        while self._latest and next(iter(self._latest.values())).at < horizon:
            _, self._aged = self._drop_latest()
        self._overflowed = {room: number for room, number in self._overflowed.items() if number >= self._floor}
        self._sessions.sweep()

    # -- who hears it -----------------------------------------------------------------------

    def save(self, record: Record) -> None:
        """Keep a session that was made or has changed."""
        self._sessions.save(record)

    def forget(self, key: str) -> None:
        """It has ended for good."""
        self._sessions.forget(key)

    def leave(self, key: str) -> None:
        """Its connection has gone: keep it for `recovery_window` seconds."""
        self._sessions.leave(key)

    async def find(self, key: str) -> Record | None:
        """The session of that key, if its token has not been revoked."""
        return self._sessions.find(key)

    async def stays(self, record: Record, after: Position, admits: Admits) -> list[Stay] | None:
        """The session's times in rooms up to now; None if anything told in them after the position may be lacking."""
        self.sweep()
        last = self._number if record.last is None else record.last
        if after.epoch != self._epoch or not max(self._floor, record.began) <= after.number <= last:
            return None
        if not record.key and after.number <= self._aged:  # nobody knows for how long that client was away
            return None
        stays = self._stays(record, after.number, admits)
        changes = Stay(f"user:{record.user.id}", after.number)  # without them nobody knows where it was
        return stays if all(self._is_whole(stay, after.number) for stay in (changes, *stays)) else None

    async def missed(self, record: Record, after: Position, admits: Admits) -> Missed | None:
        """What it has to be told; None if any of that may be lacking."""
        stays = await self.stays(record, after, admits)
        if stays is None:
            return None
        told = self._durable(stays, after.number, record.user.id)
        if told is None:
            return None
        told += self._last(stays, after.number, record.user.id)
        told.sort(key=lambda one: one.number)  # stable: of two with one number the durable one comes first
        return Missed(self._number, told, stays)

    def _stays(self, record: Record, after: int, admits: Admits) -> list[Stay]:
        """Those on record, then as its user was let in and put out since."""
        current = dict(record.rooms)
        past = [stay for stay in record.past if stay.until is None or stay.until > after]
        for entry in self._rooms.get(f"user:{record.user.id}", ()):
            change = entry.publication
            if entry.number <= record.as_of or isinstance(change, Delivery | Voiding):
                continue
            if isinstance(change, Eviction):
                if (stay := current.pop(change.room, None)) is not None:
                    past.append(stay._replace(until=entry.number))
            elif not record.key or (change.room not in current and admits(change.room)):
                # Without a key the rooms are those of today: this one perhaps from here on.
                current[change.room] = Stay(change.room, entry.number)
        return [*past, *current.values()]

    def _is_whole(self, stay: Stay, after: int) -> bool:
        start = max(after, stay.since)
        if start <= self._overflowed.get(stay.address, -1):  # who has heard that number may lack what came after it
            return False
        return self._covered.get(stay.address, self._number + 1) <= start >= self._trimmed.get(stay.address, 0)

    def _durable(self, stays: list[Stay], after: int, user: str) -> list[Told] | None:
        found: dict[int, Delivery] = {}
        most = conf().send_buffer // OVERHEAD  # no reader can have more waiting
        now = time.time()
        for stay in stays:
            for number, delivery in self._told_in(stay, after):
                is_over = delivery.expires_at is not None and delivery.expires_at < now
                if not is_over and user not in delivery.exclude and not _is_spared(stays, number, delivery):
                    found[number] = delivery
                if len(found) > most:
                    return None
        return [Told(number, found[number]) for number in sorted(found)]

    def _told_in(self, stay: Stay, after: int) -> Iterator[Told]:
        """In no order."""
        start, entries = max(after, stay.since), self._rooms.get(stay.address, ())
        recent = takewhile(lambda entry: entry.number > start, reversed(entries))
        for entry in chain(recent, self._cumulative.get(stay.address, {}).values()):
            if isinstance(entry.publication, Delivery) and start < entry.number <= (stay.until or entry.number):
                yield Told(entry.number, entry.publication)

    def _last(self, stays: list[Stay], after: int, user: str) -> Iterator[Told]:
        current = [stay for stay in stays if stay.until is None]
        found = [(self._latest[key], stay.since) for stay in current for key in self._latest_in.get(stay.address, ())]
        for entry in {id(entry): entry for entry, since in found if entry.number >= max(after, since)}.values():
            delivery = entry.publication
            if not isinstance(delivery, Delivery) or user in delivery.exclude:
                continue
            if not _is_spared(stays, entry.number, delivery):
                yield Told(entry.number, delivery)


def _is_spared(stays: Iterable[Stay], number: int, delivery: Delivery) -> bool:
    """Whether a session was in a room then whose connections were not to hear it."""
    if not delivery.except_for:
        return False
    last = number - 1 if delivery.durable else number  # what is not durable has the number before it
    return any(
        stay.address in delivery.except_for and stay.since <= last and number <= (stay.until or number)
        for stay in stays
    )
