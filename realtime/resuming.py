"""How a lost session is found, and what it has to be told."""

from dataclasses import replace
from typing import NamedTuple

from realtime import database
from realtime.auth import Credentials
from realtime.codec import Codec, delivery_frame
from realtime.conf import conf
from realtime.log import Log, Missed, Position, Record, Stay
from realtime.outbound import Frame


class Resume(NamedTuple):
    """Where a lost connection stood, as the client says: the session's key and the last offset, if it has them."""

    key: str | None
    offset: str | None
    keeps_key: bool = False  # whether the session goes on under the same key


class Lost(NamedTuple):
    """A session as it was, and the last that its client has heard of."""

    record: Record
    after: Position


async def find(log: Log, codec: Codec, credentials: Credentials, resume: Resume) -> Lost | None:
    """The session that is resumed, if it is the same user's, on the same wire.

    Without a key it is made up of the user's automatic rooms.
    """
    after = None if resume.offset is None else Position.parse(resume.offset)
    if resume.key is None and after is not None:
        addresses = await database.run(lambda: list(codec.automatic(credentials.identity)))
        stays = {address: Stay(address, 0) for address in addresses}
        return Lost(Record("", codec.name, credentials, after.number, stays, as_of=after.number), after)
    record = None if resume.key is None else await log.find(resume.key)
    if record is None or record.user.id != credentials.identity.id or record.codec != codec.name:
        return None
    if resume.offset is None:  # it heard nothing at all
        after = Position.parse(log.offset(record.began))
    return None if after is None else Lost(replace(record, rooms=dict(record.rooms), past=list(record.past)), after)


def frames(log: Log, codec: Codec, missed: Missed) -> list[Frame] | None:
    """Of what was missed; None if it is more than half of what may wait for a reader."""
    found = (delivery_frame(codec, told.delivery, log.offset(told.number)) for told in missed.told)
    told = [frame for frame in found if frame is not None]
    return told if sum(frame.size for frame in told) <= conf().send_buffer // 2 else None
