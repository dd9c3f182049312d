"""What crosses from process to process: deliveries and membership changes, as JSON bytes."""

import time
from collections.abc import Iterable
from typing import Final

import msgspec

from realtime.events import Event, encode
from realtime.rooms import Room, group

EVERY_PROCESS: Final = "processes"
"""The group that every server process is in."""


class _Base(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    expires_at: float | None = None  # Unix seconds; the relay drops what is older

    @property
    def group(self) -> str:
        """The channel-layer group that the publication goes to."""
        return EVERY_PROCESS

    @property
    def durable(self) -> bool:
        """Whether it must survive the process that published it."""
        return True


class Delivery(_Base, frozen=True, kw_only=True, omit_defaults=True, tag="event"):
    """An event for everybody in its rooms but the users `exclude`; `data` is the canonical payload in JSON."""

    event: str
    rooms: tuple[str, ...]
    data: msgspec.Raw
    policy: str
    at: float = 0.0  # when it was told, Unix seconds
    key: str | None = None
    exclude: frozenset[str] = frozenset()
    except_for: frozenset[str] = frozenset()  # rooms whose connections do not hear it
    personal: bool = False  # true for these listeners alone

    @property
    def group(self) -> str:
        """Its room's group; with several rooms that of all processes, so that it travels once."""
        return group(self.rooms[0]) if len(self.rooms) == 1 else EVERY_PROCESS

    @property
    def durable(self) -> bool:
        """As the event's policy says."""
        return self.policy == "durable"


class Admission(_Base, frozen=True, kw_only=True, omit_defaults=True, tag="admit"):
    """The user's live connections join the room."""

    user: str
    room: str


class Eviction(_Base, frozen=True, kw_only=True, omit_defaults=True, tag="evict"):
    """The user's live connections leave the room."""

    user: str
    room: str


class Disconnection(_Base, frozen=True, kw_only=True, omit_defaults=True, tag="disconnect"):
    """The user's live connections end, but those whose token is of the generation `keep`."""

    user: str
    keep: str | None = None


class Voiding(_Base, frozen=True, kw_only=True, omit_defaults=True, tag="void"):
    """What was told in the room before is told to nobody again; of a user's room, nothing is to that user."""

    room: str


Publication = Delivery | Admission | Eviction | Disconnection | Voiding
CONTROLS: Final = (Admission, Eviction, Disconnection, Voiding)

encode_publication: Final = msgspec.json.Encoder().encode
decode_publication: Final = msgspec.json.Decoder(Publication).decode
decode_publications: Final = msgspec.json.Decoder(list[Publication]).decode


def delivery(
    rooms: Iterable[Room],
    event: Event,
    exclude: Iterable[str] = (),
    except_for: Iterable[Room] = (),
    *,
    is_personal: bool = False,
) -> Delivery | None:
    """The event, encoded once for all its listeners; None without a room."""
    addresses = tuple(dict.fromkeys([room.address for room in rooms]))
    if not addresses:
        return None
    return Delivery(
        event=event.wire,
        rooms=addresses,
        data=msgspec.Raw(encode(event)),
        policy=event.policy.kind,
        at=time.time(),
        key=event.collapse_key,
        exclude=frozenset(exclude),
        except_for=frozenset([room.address for room in except_for]),
        personal=is_personal,
        expires_at=None if event.ttl is None else time.time() + event.ttl,
    )
