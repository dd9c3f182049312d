"""What the server tells: typed, frozen payloads, each with its name on the wire and a policy."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, dataclass_transform

import msgspec

from realtime.structs import Value, ValueMeta


@dataclass(frozen=True, slots=True)
class Policy:
    """How much an event matters when a reader is slow or a process dies.

    `durable`: never lost, written to the outbox in the transaction that caused it. `latest`: only
    the last one for each room and value of `by` counts. `droppable`: gone if it cannot go at once.
    """

    kind: Literal["durable", "latest", "droppable"]
    by: tuple[str, ...] = ()


DURABLE: Final = Policy("durable")
DROPPABLE: Final = Policy("droppable")
DROPPABLE_TTL: Final = 5.0  # seconds; a typing notice that is older is a lie


def LATEST(*, by: str) -> Policy:  # noqa: N802 -- reads as the constants beside it
    """Only the newest event for each value of the field `by` is of interest."""
    return Policy("latest", (by,))


def CUMULATIVE(*by: str) -> Policy:  # noqa: N802
    """Durable, and each says all that earlier ones with the same values of the fields `by` said in the room.

    Who comes back is told the last of them alone, and they do not count among the events that are kept for a room.
    """
    return Policy("durable", by)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class EventMeta(ValueMeta):
    """Takes `wire`, `policy`, `ttl` (seconds) and `canonical` in the class line and registers the event.

    What is not canonical is told in vocabularies alone, not on the plain wire.
    """

    def __new__(
        mcls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        wire: str | None = None,
        policy: Policy = DURABLE,
        ttl: float | None = None,
        canonical: bool = True,
        **config: Any,
    ) -> Any:
        """Build the struct class; TypeError if its declaration is not whole."""
        cls: Any = super().__new__(mcls, name, bases, namespace, **config)
        if bases == (Value,):  # Event itself
            return cls
        if wire is None:
            raise TypeError(f'{name} needs a name on the wire: class {name}(Event, wire="thing.happened")')
        if unknown := set(policy.by) - set(cls.__struct_fields__):
            raise TypeError(f"{name} is told by {', '.join(sorted(unknown))}, which is none of its fields")
        known = registry.get(wire)
        if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"{wire!r} is the event {known.__module__}.{known.__qualname__} already")
        cls.wire, cls.policy, cls.canonical = wire, policy, canonical
        cls.ttl = DROPPABLE_TTL if ttl is None and policy == DROPPABLE else ttl
        registry[wire] = cls
        return cls


class Event(Value, metaclass=EventMeta):
    """The base of all events: fields in snake_case, camelCase on the wire.

    `class MessageNew(Event, wire="message.new", policy=DURABLE): id: str`
    """

    wire: ClassVar[str]
    policy: ClassVar[Policy]
    canonical: ClassVar[bool]
    ttl: ClassVar[float | None]

    @property
    def collapse_key(self) -> str | None:
        """What a `latest` or cumulative event replaces: others with the same key in the same room."""
        return "\0".join(str(getattr(self, name)) for name in self.policy.by) if self.policy.by else None


registry: dict[str, type[Event]] = {}
"""Every event by its name on the wire."""

encode: Final = msgspec.json.Encoder(decimal_format="number").encode
"""JSON bytes of a payload; a Decimal becomes an exact JSON number."""
