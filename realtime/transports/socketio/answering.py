"""From a client's event to the command that it means, and back to the answer in its own words."""

import time
from typing import TYPE_CHECKING

from realtime.auth import authenticate as check
from realtime.errors import ClientError, Close, translate
from realtime.events import encode
from realtime.limits import limit_auth, limits, refusal
from realtime.transports.socketio.codec import codec_of, decode_json
from realtime.transports.socketio.entering import Entrant
from realtime.vocabulary import Ask

if TYPE_CHECKING:
    from realtime.transports.socketio.socket import Event, Socket


async def run(socket: "Socket", event: "Event") -> None:
    """Run what the event asks for, and answer it."""
    try:
        ask, payload = await _understand(socket, event)
    except Exception as error:  # noqa: BLE001 -- translated, and logged there if it is a surprise
        _fail(socket, event, translate(error))
        return

    def respond(reply: bytes | ClientError) -> None:
        if isinstance(reply, ClientError):
            _fail(socket, event, reply, ask)
        else:
            _succeed(socket, event, ask, reply)

    await socket.session.run(ask.command, payload, respond)


async def _understand(socket: "Socket", event: "Event") -> tuple[Ask, bytes]:
    session, profile = socket.session, socket.codec.profile
    if not session.is_started or socket.is_pending:
        raise ClientError("NOT_AUTHENTICATED", "User not authenticated")
    await _count(socket)
    if (other := profile.turns.get(event.name)) is not None:
        await session.speak(codec_of(other, socket.namespace, offsets=socket.codec.offsets))
    ask = profile.asks.get(event.name)
    if ask is None:
        raise ClientError("UNKNOWN_EVENT", "There is no such event here; see docs/socketio.md for those there are.")
    try:
        return ask, encode(ask.payload(session.user, event.arguments))
    except UnicodeEncodeError as error:
        raise ClientError("INVALID_PAYLOAD", "The text holds half of a surrogate pair.") from error


async def _count(socket: "Socket") -> None:
    session, profile = socket.session, socket.codec.profile
    if profile.rate is not None and session.is_started:
        wait = await limits().hit(profile.rate(), profile.name, session.user.id or session.id)
        if wait is not None:
            raise refusal(wait)


def _succeed(socket: "Socket", event: "Event", ask: Ask, reply: bytes) -> None:
    if event.id is None and ask.reply is None:  # nobody wants to know
        return
    data = decode_json(reply)
    if event.id is not None:
        socket.acknowledge(event.id, ask.ack(socket.session.user, data))
    if ask.reply is not None and not (ask.is_either and event.id is not None):
        socket.session.write(socket.codec.reply(ask.reply, data, time.time(), socket.session.position))


def _fail(socket: "Socket", event: "Event", error: ClientError, ask: Ask | None = None) -> None:
    body = error.body()
    if ask is not None:
        body["code"] = ask.errors.get(error.code, error.code)
    if event.id is None:
        socket.session.tell("error", body)
    else:
        socket.acknowledge(event.id, {"success": False, "error": body.pop("message")} | body)


async def authenticate(socket: "Socket", event: "Event") -> None:
    """`auth`: the first one opens the session, or ends the namespace; a later one renews the token."""
    session, profile = socket.session, socket.codec.profile
    is_first = not session.is_started or not session.user.is_authenticated
    try:
        await _count(socket)
        await limit_auth(session.user.id if session.is_started else "", session.id)
        credentials = await check(_token(event))
        if session.is_started and session.user.is_authenticated:
            session.renew(credentials)
        else:
            await socket.start(Entrant(profile, credentials))
        if (other := profile.turns.get("auth")) is not None:
            await session.speak(codec_of(other, socket.namespace, offsets=socket.codec.offsets))
    except Exception as error:  # noqa: BLE001 -- translated, and logged there if it is a surprise
        refused = translate(error)
        may_wait = refused.code == "RATE_LIMITED"  # and try again, on this very connection
        if event.id is not None or may_wait or (session.is_started and not socket.is_pending):
            _fail(socket, event, refused)
        if (socket.is_pending and not may_wait) or (is_first and refused.code == "INTERNAL"):
            _turn_away(socket, refused)
        return
    socket.settle()
    data = {"userId": session.user.id}
    if event.id is not None:
        socket.acknowledge(event.id, data)
    socket.write(socket.codec.event("auth-success", [data], session.position))
    session.greet()


def _turn_away(socket: "Socket", refused: ClientError) -> None:
    """For good, but not for the trouble of a moment."""
    if refused.code == "INTERNAL":
        socket.session.go_away(refused.code)
    else:
        socket.session.end(refused, Close.UNAUTHENTICATED)


def _token(event: "Event") -> str:
    token = event.arguments[0] if event.arguments else None
    token = token.get("token") if isinstance(token, dict) else token
    if not isinstance(token, str) or not token:
        raise ClientError("AUTH_FAILED", "Authentication failed")
    return token
