"""The way of a command: known name, login, rate, payload, then its handler."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from realtime import commands, database
from realtime.couriers import Batch
from realtime.errors import ClientError, translate
from realtime.events import encode
from realtime.limits import limits, refusal
from realtime.publishing import Held

if TYPE_CHECKING:
    from realtime.sessions import Session


Respond = Callable[[bytes | ClientError], None]
"""What takes a command's reply: JSON of its payload, or an error."""
Effect = Callable[[], Awaitable[None] | None]
"""What a handler wants done before the reply."""


async def run(session: "Session", effects: list[Effect], name: str, data: bytes, respond: Respond) -> None:
    """Run a command and respond once.

    What the handler published goes out after the reply, so that a sender hears of its own change
    after the answer to it. Changes of who hears what go first; and while nothing can be sent, all: what was
    replied to is then kept. If neither Redis nor the database takes it, the reply is an error.
    """
    publisher = session.process.publisher
    unsent: list[Batch] = []
    try:
        with Held() as unsent:
            reply = await _reply(session, effects, name, data)
        if unsent and (publisher.is_down or any(batch.is_urgent for batch in unsent)):
            first, unsent = unsent, []
            if not await publisher.submit_all(first) and not isinstance(reply, ClientError):
                reply = ClientError("INTERNAL", "This could not be stored for now. Try again in a moment.")
        respond(reply)
    finally:  # if this is cancelled, too, or there is no answer: what was published has happened
        for batch in unsent:
            publisher.submit(batch)


async def _reply(session: "Session", effects: list[Effect], name: str, data: bytes) -> bytes | ClientError:
    try:
        reply = await call(session, name, data)
        for effect in effects:
            if (waiting := effect()) is not None:
                await waiting
    except Exception as error:  # noqa: BLE001 -- translated, and logged there if it is a surprise
        return translate(error)
    return reply


async def call(session: "Session", name: str, data: bytes) -> bytes:
    """The reply's payload in JSON. Any exception is its own."""
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
        reply = await database.run(command.handler, *arguments)
    return encode({} if reply is None else reply)
