"""What a vocabulary is: the names and shapes in which one family of Socket.IO clients asks and hears.

A family is a table from its own names to the canonical ones, a pure function both ways:

    ASKS = {"send-message": Ask("message.send", takes("conversationId", "text"), replies("message-ack", ...))}
    TELLS = {"message.new": Tell("message-new", whole)}

A `Profile` is what a connection speaks; a `Door` is a namespace, and how one gets in there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from realtime.errors import ClientError

if TYPE_CHECKING:
    from realtime.auth import Identity
    from realtime.sessions import Session

Shape = Callable[[Any, float], Sequence[Any]]
"""From a canonical payload and when it was told (Unix seconds) to the arguments of an event."""

Payload = Callable[["Identity", Sequence[Any]], Any]
"""From who is asking and the arguments of an event to a canonical payload; ClientError if they are ill-shaped."""


@dataclass(frozen=True, slots=True)
class Tell:
    """An event in the words of a family; with `when`, only those of which it is true are told."""

    name: str
    arguments: Shape
    when: Callable[[Any], bool] | None = None  # of the canonical payload


@dataclass(frozen=True, slots=True)
class Ask:
    """What a client of a family asks: a canonical command, and how it is answered.

    With an acknowledgement the client gets `ack` of the reply's payload, a tuple as several arguments;
    `reply` is an event beside it, unless `is_either` says that it is one or the other.
    """

    command: str
    payload: Payload
    reply: Tell | None = None
    is_either: bool = False
    ack: Callable[["Identity", Any], Any] = lambda _, data: data
    errors: Mapping[str, str] = field(default_factory=dict)  # codes that this family calls otherwise


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """What a connection speaks and where it listens."""

    name: str
    asks: Mapping[str, Ask]
    tells: Mapping[str, Tell]
    rooms: Callable[["Identity"], Iterable[str]]  # joined on connecting; in a database thread
    greeting: Callable[["Session"], tuple[str, Sequence[Any]]] | None = None
    admits: frozenset[str] = frozenset()  # the prefixes of rooms that one is put in on being let in there
    rate: Callable[[], str] | None = None  # of all that a user sends in this profile, over all devices and processes
    turns: "Mapping[str, Profile]" = field(default_factory=dict)  # events after which it speaks another one


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Door:
    """A namespace. What becomes of a client without a token depends on the profiles that are there."""

    namespace: str
    profile: Profile  # of a client that brought a token
    in_band: Profile | None = None  # of one without: it must send `auth` in time
    anonymous: Profile | None = None  # of one without: it stays nobody
    sources: frozenset[Literal["header", "bare header", "query"]] = frozenset()  # of the token, beside `auth.token`
    refusal: str | None = None  # a bad token: CONNECT_ERROR, or if there is a text, an `error` of it and the end
    connections: Callable[[], str] | None = (
        None  # a rate of CONNECTs for an address, in place of `connections_per_address`
    )


doors: Final[dict[str, Door]] = {}
"""Every namespace that Socket.IO clients can connect to."""


def register(door: Door) -> None:
    """Open a namespace; TypeError if it is open already."""
    if door.namespace in doors:
        raise TypeError(f"the namespace {door.namespace!r} has a door already")
    doors[door.namespace] = door


# -- shapes that tables are made of --------------------------------------------------------------------


def whole(data: Any, at: float) -> Sequence[Any]:
    """The canonical payload as the only argument."""
    return (data,)


def nothing(data: Any, at: float) -> Sequence[Any]:
    """No argument."""
    return ()


def each(*names: str) -> Shape:
    """Some fields of the payload, each an argument."""
    return lambda data, at: [data[name] for name in names]


def renamed(**names: str) -> Shape:
    """One object of some fields: `renamed(groupId="conversationId")`."""
    return lambda data, at: ({theirs: data[ours] for theirs, ours in names.items()},)


def no_payload(user: "Identity", arguments: Sequence[Any]) -> Any:
    """Whatever the arguments are, the command takes none."""
    return {}


def fields(*same: str, **names: str) -> Payload:
    """From one object: the fields `same`, and others under our name: `fields("text", conversationId="groupId")`.

    Null counts as not given. Whatever else is in it is ignored, since these clients are what they are.
    """
    wanted = {name: name for name in same} | names

    def payload(user: "Identity", arguments: Sequence[Any]) -> Any:
        sent = arguments[0] if arguments else {}
        if not isinstance(sent, dict):
            raise ClientError("INVALID_PAYLOAD", "The first argument has to be an object.")
        return _without_bytes({ours: sent[theirs] for ours, theirs in wanted.items() if sent.get(theirs) is not None})

    return payload


def _without_bytes(payload: dict[str, Any]) -> dict[str, Any]:
    """As it is: bytes would become text (base64) on their way, which is not what was meant."""
    for value in payload.values():
        if isinstance(value, bytes):
            raise ClientError("INVALID_PAYLOAD", "Binary data has no meaning here.")
    return payload


def positions(*names: str) -> Payload:
    """From as many arguments."""

    def payload(user: "Identity", arguments: Sequence[Any]) -> Any:
        if len(arguments) < len(names):
            raise ClientError("INVALID_PAYLOAD", f"It takes {len(names)} arguments: {', '.join(names)}.")
        return _without_bytes(dict(zip(names, arguments, strict=False)))

    return payload
