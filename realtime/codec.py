"""What a wire is to the core: a pure function from pushes to frames."""

from typing import Any, Protocol

from realtime.events import Event, encode
from realtime.outbound import Frame
from realtime.publications import Delivery


class Codec(Protocol):
    """One wire in one vocabulary. The hub encodes each push once for each codec among the listeners."""

    def push(self, name: str, data: bytes, *, is_droppable: bool = False) -> Frame:
        """The frame of an event, from its canonical payload in JSON."""
        ...


def event_frame(codec: Codec, event: Event) -> Frame:
    """The frame of an event for one client alone."""
    return codec.push(event.wire, encode(event))


def delivery_frame(codec: Codec, delivery: Delivery) -> Frame:
    """The frame of a broadcast."""
    return codec.push(delivery.event, bytes(delivery.data), is_droppable=delivery.policy == "droppable")


def error_frame(codec: Codec, body: dict[str, Any]) -> Frame:
    """The frame of an error that answers nothing in particular."""
    return codec.push("error", encode(body))
