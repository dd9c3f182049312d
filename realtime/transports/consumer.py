"""The consumer of the plain wire, at `/ws/`."""

import asyncio
import contextlib
import logging
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from channels.consumer import AsyncConsumer

from realtime.auth import Credentials, authenticate
from realtime.commands import Payload
from realtime.conf import conf
from realtime.errors import ClientError, Close, translate
from realtime.events import encode
from realtime.limits import limit_auth, limit_connections
from realtime.middleware import Receive, Scope, Send, address_of, refuse, selected_subprotocol
from realtime.outbound import Outbound
from realtime.process import Process
from realtime.resuming import Resume
from realtime.sessions import Session
from realtime.times import iso_unix
from realtime.transports.plain import PLAIN, ProtocolError, Request, RequestError
from realtime.writers import CLOSE_TIMEOUT, Reader, writer_of

logger = logging.getLogger(__name__)


class Auth(Payload):
    """The payload of `auth`. `resume` and `connection` name where a lost connection stood."""

    token: str
    resume: str | None = None
    connection: str | None = None


_decode_auth: Final = msgspec.json.Decoder(Auth).decode


class PlainConsumer(AsyncConsumer):
    """One connection. Its own receive loop: no thread hop and no new task for a message."""

    channel_layer_alias = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve until either side closes."""
        process = await Process.started()
        if process.is_draining:
            await refuse(scope, receive, send, Close.GOING_AWAY, "server going away")
            return
        await _Connection(process, scope, receive, send).serve()


class _Connection:
    def __init__(self, process: Process, scope: Scope, receive: Receive, send: Send) -> None:
        self._process = process
        self._scope, self._receive, self._send = scope, receive, send
        self._auth_id = b""
        self._reader = Reader(receive)
        self._writer = writer_of(scope, send)
        self._writer.on_over = self._reader.stop
        self._outbound = Outbound(self._writer, limit=conf().send_buffer, on_overflow=self._cut)
        self._session = Session(process, PLAIN, self._outbound)
        self._credentials: Credentials | None = None
        self._resume = _asked_to_resume(scope)

    async def serve(self) -> None:
        self._process.connections.add(self._outbound)
        try:
            await self._receive()  # websocket.connect
            await self._send({"type": "websocket.accept", "subprotocol": selected_subprotocol(self._scope)})
            if await self._enter():
                await self._read()
            await self._outbound.closed(CLOSE_TIMEOUT)
        finally:
            self._process.connections.discard(self._outbound)
            self._outbound.stop()
            self._writer.stop()
            await self._session.stop()

    # -- the door -----------------------------------------------------------------------------

    async def _enter(self) -> bool:
        """Whether the client is in: greeted, by the token that it brought or by an `auth` frame."""
        try:
            await limit_connections(conf().connections_per_address, address_of(self._scope))
            credentials = self._scope.pop("credentials")
            if isinstance(credentials, ClientError):
                raise credentials
            if credentials is None:
                credentials = await self._await_auth()
            if credentials is not None:
                self._credentials = credentials
                await self._session.start(credentials, key=self._session.id, resume=self._resume)
                self._session.greet()
        except Exception as error:  # noqa: BLE001 -- translated, and logged there if it is a surprise
            self._refuse(translate(error))
            return False
        return credentials is not None

    async def _await_auth(self) -> Credentials | None:
        """What the `auth` frame proved; None if the client went away instead."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(conf().auth_timeout):
                await self._read(until_authenticated=True)
                return self._credentials
        raise ClientError("AUTH_TIMEOUT", "No `auth` frame came in time.")

    def _refuse(self, error: ClientError) -> None:
        logger.info("refused", extra={"code": error.code, "address": address_of(self._scope)})
        farewell = PLAIN.reply(self._auth_id, error)  # under the id of the `auth` frame, if it had one
        self._outbound.close(_CLOSE.get(error.code, Close.GOING_AWAY), error.code, farewell=farewell)

    # -- reading ------------------------------------------------------------------------------

    async def _read(self, *, until_authenticated: bool = False) -> None:
        """Handle frames, strictly one after another, until the connection closes."""
        while not (until_authenticated and self._credentials):
            message = await self._reader.next()
            if message is None:
                return
            if message["type"] == "websocket.disconnect":
                self._writer.stop()
                return
            if self._outbound.is_closed:  # what waits is still written, and then the close frame
                continue
            try:
                await self._handle(message)
            except ProtocolError as error:
                self._outbound.close(error.close, error.reason)

    async def _handle(self, message: dict[str, Any]) -> None:
        text = message.get("text")
        if text is None:
            raise ProtocolError(Close.MALFORMED, "binary frames have no meaning here")
        if len(text) > conf().max_payload or len(text.encode()) > conf().max_payload:
            raise ProtocolError(Close.TOO_BIG, "frame too big")
        try:
            request = PLAIN.decode(text)
        except RequestError as error:
            self._reply(error.id, error.error)
            return
        if request.event == "auth":
            await self._authenticate(request)
        elif not self._is_authenticated:
            self._reply(bytes(request.id), ClientError("NOT_AUTHENTICATED", "User not authenticated"))
        else:
            identifier = bytes(request.id)
            await self._session.run(request.event, bytes(request.data), lambda reply: self._reply(identifier, reply))

    async def _authenticate(self, request: Request) -> None:
        """The first `auth` opens the session, or ends the connection; a later one renews or is refused."""
        is_first = not self._is_authenticated
        try:
            await limit_auth("" if self._credentials is None else self._credentials.identity.id, self._session.id)
            auth = _decode_auth(request.data)
            credentials = await authenticate(auth.token)
            if not is_first:
                self._session.renew(credentials)
            elif auth.resume is not None:
                self._resume = Resume(auth.connection, auth.resume, PLAIN)
        except Exception as error:
            refusal = translate(error)
            if is_first and refusal.code in _CLOSE:
                self._auth_id = bytes(request.id)
                raise refusal from error
            self._reply(bytes(request.id), refusal)
            return
        self._credentials = credentials
        self._reply(bytes(request.id), encode({"expiresAt": iso_unix(credentials.expires_at)}))

    @property
    def _is_authenticated(self) -> bool:
        return self._credentials is not None

    def _reply(self, identifier: bytes, reply: bytes | ClientError) -> None:
        if (frame := PLAIN.reply(identifier, reply)) is not None:
            self._outbound.write(frame)

    # -- a reader that is too slow ----------------------------------------------------------------

    def _cut(self) -> None:
        logger.warning("cut: too slow a reader", extra={"connection": self._session.id})
        self._writer.abort(Close.SLOW_CONSUMER, "too slow")


def _asked_to_resume(scope: Scope) -> Resume | None:
    """From `?resume=OFFSET&connection=CONNECTIONID`."""
    query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
    return Resume(query.get("connection"), query["resume"], PLAIN) if "resume" in query else None


_CLOSE: Final = {
    "AUTH_REQUIRED": Close.UNAUTHENTICATED,
    "AUTH_FAILED": Close.UNAUTHENTICATED,
    "TOKEN_EXPIRED": Close.UNAUTHENTICATED,
    "AUTH_TIMEOUT": Close.AUTH_TIMEOUT,
    "TOO_MANY_CONNECTIONS": Close.LIMIT,
}
