"""The way of a command: known name, login, rate, payload, then its handler."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from realtime import commands, database
from realtime.couriers import Batch
from realtime.errors import ClientError, translate
from realtime.events import encode
from realtime.limits import limits, refusal
from realtime.publishing import hold

if TYPE_CHECKING:
    from realtime.sessions import Session


Respond = Callable[[bytes | ClientError], None]
"""What takes a command's reply: JSON of its payload, or an error."""
Effect = Callable[[], Awaitable[None] | None]
"""What a handler wants done before the reply."""


async def run(session: "Session", effects: list[Effect], name: str, data: bytes, respond: Respond) -> None:
    """Run a command and respond once.

    What the handler published goes out after the reply, so that a sender hears of its own change
    after the answer to it; only changes of who hears what go first.
    """
    publisher = session.process.publisher
    held: list[Batch] = []
    try:
        reply: bytes | ClientError = await call(session, name, data, held)
        for effect in effects:
            if (waiting := effect()) is not None:
                await waiting
    except Exception as error:  # noqa: BLE001 -- translated, and logged there if it is a surprise
        reply = translate(error)
    urgent = any(batch.is_urgent for batch in held)
    if urgent:
        await publisher.submit_all(held)
    respond(reply)
    if not urgent:
        for batch in held:
            publisher.submit(batch)


async def call(session: "Session", name: str, data: bytes, held: list[Batch]) -> bytes:
    """The reply's payload in JSON; what the handler publishes is put into `held`. Any exception is its own."""
    command = commands.registry.get(name)
    if command is None:
        raise ClientError("UNKNOWN_EVENT", "There is no such command; see docs/protocol.md for those there are.")
    if not (command.is_public or session.user.is_authenticated):
        raise ClientError("AUTH_REQUIRED", "Log in to do this.")
    if command.rate is not None:
        wait = await limits().hit(command.rate, command.name, session.user.id or session.id)
        if wait is not None:
            raise refusal(wait)
    payload = command.decode(data)
    arguments: tuple[Any, ...] = (session, payload) if command.takes_payload else (session,)
    if command.is_async:
        reply = await command.handler(*arguments)
    else:
        reply = await database.run(_held, held, command.handler, arguments)
    return encode({} if reply is None else reply)


def _held(held: list[Batch], handler: commands.Handler, arguments: tuple[Any, ...]) -> Any:
    hold(held)
    return handler(*arguments)
