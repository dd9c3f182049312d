"""What a client may ask: a name, a typed payload in, a reply out.

    @command("message.send", rate="30/m")
    def send_message(session: Session, data: SendMessage) -> MessageAck: ...

A `def` handler runs in a database thread and may use the ORM. An `async def` handler runs on the
event loop, without the ORM, for what needs no database.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeVar, get_type_hints

import msgspec

from realtime import limits
from realtime.structs import Value

Handler = Callable[..., Any]
H = TypeVar("H", bound=Handler)


class Payload(Value, forbid_unknown_fields=True):
    """The base of what clients send: snake_case here, camelCase on the wire, nothing undeclared."""


class Reply(Value):
    """The base of what they get back."""


class Nothing(Payload):
    """The payload of a command that needs none."""


@dataclass(frozen=True)
class Command:
    """One registered command."""

    name: str
    handler: Handler
    rate: str | None
    is_public: bool = False

    @cached_property
    def is_async(self) -> bool:
        """Whether the handler runs on the event loop."""
        return inspect.iscoroutinefunction(self.handler)

    @cached_property
    def takes_payload(self) -> bool:
        """Whether the handler has a second argument."""
        return len(inspect.signature(self.handler).parameters) > 1

    @cached_property
    def _decoder(self) -> "msgspec.json.Decoder[Any]":
        if not self.takes_payload:
            return msgspec.json.Decoder(Nothing)
        name = list(inspect.signature(self.handler).parameters)[1]
        return msgspec.json.Decoder(get_type_hints(self.handler)[name])

    def decode(self, data: bytes) -> Any:
        """The typed payload; msgspec.ValidationError tells what is wrong with it."""
        return self._decoder.decode(data or b"{}")


registry: Final[dict[str, Command]] = {}
"""Every command by its name on the wire."""


def command(name: str, *, rate: str | None = None, public: bool = False) -> Callable[[H], H]:
    """Register a handler; `rate` (`30/m`) is for each user over all devices and processes.

    `public` ones are for anonymous clients too, where a family of clients lets those in.
    """

    def register(handler: H) -> H:
        entry = Command(name, handler, rate, public)
        known = registry.get(name)
        if known is not None and _origin(known.handler) != _origin(handler):
            raise TypeError(f"the command {name!r} is {_origin(known.handler)} already")
        _check(entry)
        registry[name] = entry
        return handler

    return register


def _origin(handler: Handler) -> str:
    return f"{handler.__module__}.{handler.__qualname__}"


def _check(entry: Command) -> None:
    parameters = list(inspect.signature(entry.handler).parameters.values())
    if not 1 <= len(parameters) <= 2:
        raise TypeError(f"{_origin(entry.handler)} takes (session) or (session, data: SomePayload)")
    if entry.takes_payload and parameters[1].annotation is inspect.Parameter.empty:
        raise TypeError(f"{_origin(entry.handler)}: say the type of {parameters[1].name!r}, a subclass of Payload")
    if entry.rate is not None:
        limits.rate(entry.rate)
