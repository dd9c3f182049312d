"""Before the greeting: how a lost session is found, what it has to be told, and what waits meanwhile."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from realtime import database
from realtime.auth import Credentials, Identity
from realtime.codec import Codec, delivery_frame, direct_push
from realtime.conf import conf
from realtime.log import Log, Missed, Position, Record, Stay
from realtime.outbound import Frame
from realtime.rechecks import Place, agrees


class Resume(NamedTuple):
    """Where a lost connection stood, as the client says: the session's key and the last offset, if it has them."""

    key: str | None
    offset: str | None
    codec: Codec  # of the lost session
    keeps_key: bool = False  # whether the session goes on under the same key
    is_proof: bool = False  # whether nothing but the key tells who the client is


class Lost(NamedTuple):
    """A session as it was, and the last that its client has heard of."""

    record: Record
    after: Position


async def find(log: Log, credentials: Credentials, resume: Resume) -> Lost | None:
    """The session that is resumed, if it is the same user's, on the same wire.

    Without a key it is made up of the user's automatic rooms.
    """
    after = None if resume.offset is None else Position.parse(resume.offset)
    codec = resume.codec
    if resume.key is None and after is not None:
        number = log.number
        addresses = await database.run(lambda: list(codec.automatic(credentials.identity)))
        stays = {address: Stay(address, 0) for address in addresses}
        as_of = min(number, after.number)
        return Lost(Record("", codec.name, credentials, after.number, stays, as_of=as_of), after)
    record = None if resume.key is None else await log.find(resume.key)
    if record is None or record.user.id != credentials.identity.id or record.codec != codec.name:
        return None
    if resume.offset is None:  # it heard nothing at all
        after = Position.parse(log.offset(record.began))
    return None if after is None else Lost(record.copy(), after)


async def stays_of(log: Log, lost: Lost, user: Identity, codec: Codec) -> Sequence[Stay] | None:
    """The session's times in rooms; None if what was told there may be lacking, or is not for this user.

    Who was let in or put out meanwhile is looked up as in `realtime.rechecks`, and first: what was told there since
    is about to be sent.
    """
    known = {*lost.record.rooms.values(), *lost.record.past}
    while True:
        stays = await log.stays(lost.record, lost.after, codec.admits)
        if stays is None or known.issuperset(stays):
            return stays
        places = {
            stay.address: Place(user, stay.address, is_in=stay.until is None) for stay in stays if stay not in known
        }
        if not await database.run(agrees, places.values()):
            return None
        known.update(stays)


def frames(log: Log, codec: Codec, missed: Missed) -> list[Frame] | None:
    """Of what was missed; None if it is more than half of what may wait for a reader."""
    told: list[Frame] = []
    left = conf().send_buffer // 2
    for one in missed.told:
        frame = delivery_frame(codec, one.delivery, log.offset(one.number))
        if frame is not None:
            told.append(frame)
            left -= frame.size
        if left < 0:
            return None
    return told


class Opening:
    """A session from its start to its greeting."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.told: list[tuple[str, object]] = []  # to this client alone
        self._missed: Missed | None = None
        self._after = 0
        self._replay: list[Frame] = []
        self._held: list[tuple[int, bool, Frame]] = []
        self._left = conf().send_buffer * 3 // 4  # the rest is for the greeting and what is told to this client alone

    def resume(self, lost: Lost, missed: Missed, replay: list[Frame]) -> None:
        """This is a lost session again."""
        self._after, self._missed, self._replay = lost.after.number, missed, replay
        self._left -= sum(frame.size for frame in replay)

    def hold(self, frame: Frame, number: int, *, is_logged: bool) -> bool:
        """Keep a broadcast until after the greeting; False if there is too much of it."""
        self._left -= frame.size
        if self._left >= 0:
            self._held.append((number, is_logged, frame))
        return self._left >= 0

    def _waiting(self) -> list[tuple[int, bool, Frame]]:
        """What is not in the replay."""
        last = -1 if self._missed is None else self._missed.number
        return [held for held in self._held if (held[0] > last if held[1] else held[0] >= last)]

    @property
    def number(self) -> int:
        """Up to where everything has been heard when the replay is written."""
        return next((number - 1 for number, is_logged, _ in self._waiting() if is_logged), self.log.number)

    @property
    def after(self) -> int:
        """Up to where everything had been heard before the replay."""
        return self.number if self._missed is None else self._after

    def frames(self, greeting: Frame | None, codec: Codec) -> Iterator[Frame]:
        """What is to be written, in order."""
        greets_first = codec.greets_first
        if greeting is not None and greets_first:
            yield greeting
        yield from self._replay
        if greeting is not None and not greets_first:
            yield greeting
        for name, payload in self.told:
            if (frame := codec.push(direct_push(name, payload, self.log.offset(self.number)))) is not None:
                yield frame
        for _, _, frame in self._waiting():
            yield frame
