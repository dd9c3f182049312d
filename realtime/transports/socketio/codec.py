"""A vocabulary on the Socket.IO wire: what is told, as the packets of a namespace."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

from realtime.auth import Identity
from realtime.codec import Push
from realtime.outbound import Frame
from realtime.transports.socketio.packets import Kind, encode, encode_event
from realtime.vocabulary import Profile, Tell, whole

if TYPE_CHECKING:
    from realtime.sessions import Session

decode_json: Final = msgspec.json.Decoder(float_hook=Decimal).decode
"""As `msgspec.json.decode`, with money as exact as it was."""


class SocketIOCodec:
    """One profile in one namespace, with or without the offset that follows the arguments of an event.

    The official JavaScript client takes the last argument of any event as its offset, if it is
    text, once it has a `pid`: so then every event must carry one.
    """

    greets_first = False

    def __init__(self, profile: Profile, namespace: str, *, offsets: bool) -> None:
        self.profile, self.namespace, self.offsets = profile, namespace, offsets

    @property
    def name(self) -> str:
        """A session is resumed on the codec of the same name."""
        return f"socketio {self.namespace} {self.profile.name}"

    def push(self, push: Push) -> Frame | None:
        """Its frame; None if the family has no word for it, or not for this one."""
        tell = self.profile.tells.get(push.name)
        if tell is None:
            return None
        is_droppable = push.policy == "droppable"
        if tell.arguments is whole and tell.when is None:
            offset = push.offset if self.offsets else ""
            return Frame.of(encode_event(self.namespace, tell.name, push.data, offset), is_droppable=is_droppable)
        data = decode_json(push.data)
        if tell.when is not None and not tell.when(data):
            return None
        return self.event(tell.name, tell.arguments(data, push.at), push.offset, is_droppable=is_droppable)

    def event(self, name: str, arguments: Sequence[Any], offset: str, *, is_droppable: bool = False) -> Frame:
        """The frame of an event by the family's own name."""
        data = [name, *arguments, offset] if self.offsets else [name, *arguments]
        return Frame.of(*encode(Kind.EVENT, self.namespace, data=data), is_droppable=is_droppable)

    def question(self, push: Push, id: int) -> Frame:
        """The frame of an event that asks for an acknowledgement; it carries no offset. LookupError without a word."""
        tell = self.profile.tells[push.name]
        data = [tell.name, *tell.arguments(decode_json(push.data), push.at)]
        return Frame.of(*encode(Kind.EVENT, self.namespace, id, data))

    def reply(self, tell: Tell, data: Any, at: float, offset: str) -> Frame:
        """The frame of the event that answers a client."""
        return self.event(tell.name, tell.arguments(data, at), offset)

    def greeting(self, session: "Session") -> Frame | None:
        """As the profile has it."""
        if self.profile.greeting is None:
            return None
        name, arguments = self.profile.greeting(session)
        return self.event(name, arguments, session.offset)

    def admits(self, address: str) -> bool:
        """As the profile has it."""
        return address.partition(":")[0] in self.profile.admits

    def automatic(self, user: Identity) -> Iterable[str]:
        """As the profile has it."""
        return self.profile.rooms(user)


@cache
def codec_of(profile: Profile, namespace: str, *, offsets: bool) -> SocketIOCodec:
    """The one of them, so that all its listeners share each broadcast's frame."""
    return SocketIOCodec(profile, namespace, offsets=offsets)
