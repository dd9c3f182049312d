"""What a wire is to the core: a pure function from what is told to frames."""

import logging
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from realtime.events import encode
from realtime.outbound import Frame
from realtime.publications import Delivery

if TYPE_CHECKING:
    from realtime.auth import Identity
    from realtime.sessions import Session

logger = logging.getLogger(__name__)


class Push(NamedTuple):
    """An event on its way to clients."""

    name: str
    data: bytes  # the canonical payload in JSON
    at: float  # when it was told, Unix seconds
    offset: str  # who has got it has heard everything up to there
    policy: str  # its policy's kind, or DIRECT


DIRECT: Final = "direct"


class Codec(Protocol):
    """One wire in one vocabulary. The hub encodes each push once for each codec among the listeners."""

    @property
    def name(self) -> str:
        """A session is resumed on the codec of the same name."""

    @property
    def greets_first(self) -> bool:
        """Whether the greeting goes before what was missed, not after it."""

    def push(self, push: Push) -> Frame | None:
        """Its frame; None if this vocabulary has no word for it."""

    def greeting(self, session: "Session") -> Frame | None:
        """The first frame of a session that has just been opened or resumed."""

    def admits(self, address: str) -> bool:
        """Whether a user who is let into this room is let in on this connection, without asking."""

    def automatic(self, user: "Identity") -> Iterable[str]:
        """The addresses of the rooms that the user joins on connecting. Runs in a database thread."""


def delivery_frame(codec: Codec, delivery: Delivery, offset: str) -> Frame | None:
    """The frame of a broadcast; None if there is none on this wire."""
    try:
        frame = codec.push(Push(delivery.event, bytes(delivery.data), delivery.at, offset, delivery.policy))
    except Exception:  # a table that does not fit must not keep it from the other wires
        logger.exception("%s cannot tell %s", codec.name, delivery.event)
        return None
    if frame is not None and delivery.policy == "latest":
        frame.kind = (codec.name, delivery.event, delivery.key, delivery.rooms)
    return frame


def direct_push(name: str, payload: object, offset: str) -> Push:
    """An event for one client alone; it is in no log."""
    return Push(name, encode(payload), time.time(), offset, DIRECT)
