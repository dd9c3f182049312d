"""The way of a command: known name, login, rate, payload, then its handler."""

from typing import TYPE_CHECKING, Any

from realtime import commands, database
from realtime.couriers import Batch
from realtime.errors import ClientError
from realtime.events import encode
from realtime.limits import limits, refusal
from realtime.publishing import hold

if TYPE_CHECKING:
    from realtime.sessions import Session


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
