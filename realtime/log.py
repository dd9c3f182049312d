"""The recovery log: what was told lately, in numbers, for those whose connection broke.

Every process gives what it tells one sequence of numbers over all rooms. The offset that a client
sees, `EPOCH-NUMBER`, says up to which of them it has heard everything. A client that comes back
gets every durable event of its rooms above that number, or learns that this cannot be done.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, Protocol, Self

from realtime.auth import Credentials, Identity
from realtime.publications import Delivery, Publication

PAST: Final = 100  # rooms that a session was in and has left


class Position(NamedTuple):
    """A place in one epoch of the log."""

    epoch: str
    number: int

    @classmethod
    def parse(cls, offset: str) -> Self | None:
        """From what a client sent; None if that is no offset."""
        epoch, separator, number = offset.rpartition("-")
        if not separator or not number.isascii() or not number.isdigit() or len(number) > 18:
            return None
        return cls(epoch, int(number))

    def __str__(self) -> str:
        return f"{self.epoch}-{self.number}"


class Stay(NamedTuple):
    """A connection's time in a room: it hears the numbers above `since`, up to `until`."""

    address: str
    since: int
    by_request: bool = False
    until: int | None = None


@dataclass(slots=True)
class Record:
    """What is kept of a session, so that another connection can go on with it."""

    key: str
    codec: str  # a session is resumed on the wire, and in the vocabulary, that it had
    credentials: Credentials
    began: int  # what it heard has higher numbers
    rooms: dict[str, Stay] = field(default_factory=dict)
    past: list[Stay] = field(default_factory=list)
    as_of: int = 0  # admissions and evictions up to this number are in it
    last: int | None = None  # what its connection can have heard of, once that has gone

    @property
    def user(self) -> Identity:
        """Whose session it is."""
        return self.credentials.identity

    def copy(self) -> "Record":
        """As it is now."""
        return replace(self, rooms=dict(self.rooms), past=list(self.past))

    def take_over(self, lost: "Record") -> None:
        """It goes on with a lost session: what that has heard, and the rooms that it has left."""
        self.began = lost.began
        for stay in sorted(lost.past, key=lambda stay: stay.until or 0):
            self.close(stay, stay.until or 0)

    def close(self, stay: Stay, number: int) -> None:
        """The session has left a room, with this number as the last that it heard."""
        if len(self.past) == PAST:
            self.began = max(self.began, self.past.pop(0).until or 0)  # what it heard there is not known any more
        self.past.append(stay._replace(until=number))


class Told(NamedTuple):
    """A delivery with its number; of what is not durable, with the number that it came after."""

    number: int
    delivery: Delivery


class Missed(NamedTuple):
    """What a session has to be told to be up to date at `number`, in the times that it was in rooms till then."""

    number: int
    told: Sequence[Told]
    stays: Sequence[Stay]


Admits = Callable[[str], bool]


class Log(Protocol):
    """What a backend promises. Everything is called on the event loop."""

    @property
    def number(self) -> int:
        """The last number given."""

    def offset(self, number: int) -> str:
        """As a client sees it."""

    def append(self, publication: Publication) -> int:
        """The number of a publication, or of the one before it if it is not kept."""

    def cover(self, address: str, since: int | None = None) -> int:
        """From here on everything that is told in the room is appended; returns the number above which it is.

        `since` is for a room of which that was so already. Else it is a new number, above all offsets that
        clients have: what was told before, unheard, has none.
        """

    def uncover(self, address: str) -> None:
        """No longer."""

    def reset(self, covered: Iterable[str]) -> None:
        """Something may be missing: begin a new epoch, in which these rooms are covered."""

    def save(self, record: Record) -> None:
        """Keep a session that was made or has changed."""

    def forget(self, key: str) -> None:
        """It has ended for good."""

    def leave(self, key: str) -> None:
        """Its connection has gone: keep it for `recovery_window` seconds."""

    async def find(self, key: str) -> Record | None:
        """The session of that key, if its token has not been revoked."""

    async def stays(self, record: Record, after: Position, admits: Admits) -> Sequence[Stay] | None:
        """The session's times in rooms up to now; None if anything told in them after the position may be lacking.

        `admits` tells in which rooms its kind of session is put by an admission.
        """

    async def missed(self, record: Record, after: Position, admits: Admits) -> Missed | None:
        """What it has to be told; None if any of that may be lacking, or it is more than a reader can have waiting."""

    def sweep(self) -> None:
        """Let go of what is too old. Called from time to time."""


class Kept:
    """What the log keeps of one session, if anything."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._record: Record | None = None
        self._as_of = 0

    @property
    def key(self) -> str | None:
        """Under which another connection can resume it."""
        return None if self._record is None else self._record.key

    def begin(self, record: Record) -> None:
        """From here on it is kept."""
        self._record = record
        record.as_of = max(record.as_of, self._as_of)
        self._log.save(record)

    def applied(self, number: int) -> None:
        """The admission or eviction of that number has been applied to it."""
        self._as_of = max(self._as_of, number)
        if self._record is not None:
            self._record.as_of = self._as_of
            self._log.save(self._record)

    def changed(self, codec: str, credentials: Credentials) -> None:
        """Its rooms, its vocabulary or its token are others now."""
        if self._record is not None:
            self._record.codec, self._record.credentials = codec, credentials
            self._log.save(self._record)

    def left(self, stay: Stay) -> None:
        """It has left a room."""
        if self._record is not None:
            self._record.close(stay, self._log.number)
            self._log.save(self._record)

    def release(self, *, for_good: bool) -> None:
        """It has lost its connection, or has ended for good."""
        record, self._record = self._record, None
        if record is not None:
            record.rooms, record.last = dict(record.rooms), self._log.number
            (self._log.forget if for_good else self._log.leave)(record.key)
