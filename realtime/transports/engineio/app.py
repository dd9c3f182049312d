"""The server of Engine.IO as one ASGI application, for `http` and `websocket` at any path."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl

from realtime.errors import Close, translate
from realtime.middleware import Receive, Scope, Send
from realtime.transports.engineio.answers import (
    BAD_METHOD,
    BAD_REQUEST,
    BAD_VERSION,
    FORBIDDEN,
    UNKNOWN_SESSION,
    UNKNOWN_TRANSPORT,
    Answer,
    Refusal,
    error_answer,
    respond,
)
from realtime.transports.engineio.contracts import Handler
from realtime.transports.engineio.cors import has_allowed_origin, preflight_headers
from realtime.transports.engineio.packets import open_packet
from realtime.transports.engineio.polling import Reply, poll, post
from realtime.transports.engineio.session import EngineSession
from realtime.transports.engineio.websocket import connect, refuse, upgrade

VERSION: Final = "4"
POLLING: Final = "polling"
WEBSOCKET: Final = "websocket"

Query = dict[str, str]


class EngineApp:
    """Holds the sessions of a process, and finds the one that a request belongs to.

    `on_open` is awaited before a client hears that its session is open. What it raises is why it is not: a
    `ClientError` is answered with its status and `{code, message}`; a WebSocket is closed.
    """

    def __init__(self, on_open: Callable[[EngineSession], Awaitable[Handler]]) -> None:
        self._on_open = on_open
        self._sessions: dict[str, EngineSession] = {}

    @property
    def sessions(self) -> Mapping[str, EngineSession]:
        """Those that are open or closing, by their ids."""
        return self._sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or one WebSocket."""
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._http(scope, receive, partial(respond, scope, send))

    # -- which session it is --------------------------------------------------------------------

    def _find(self, scope: Scope) -> tuple[Query, EngineSession | None]:
        query = _query(scope)
        return query, self._sessions.get(query.get("sid", ""))

    async def _open(self, scope: Scope, query: Query) -> EngineSession:
        session = EngineSession(scope, query, self._forget)
        handler = await self._on_open(session)
        if not session.is_gone:
            self._sessions[session.id] = session
        session.open(handler)
        return session

    def _forget(self, session_id: str) -> None:
        self._sessions.pop(session_id, None)

    # -- HTTP -------------------------------------------------------------------------------------

    async def _http(self, scope: Scope, receive: Receive, reply: Reply) -> None:
        method = scope["method"]
        if not has_allowed_origin(scope):
            await reply(FORBIDDEN.answer())
            return
        if method == "OPTIONS":
            await reply(Answer(200, headers=preflight_headers(scope)))
            return
        query, session = self._find(scope)
        refusal = _refusal(query, session, method=method, transport=POLLING)
        if refusal is not None:
            await reply(refusal.answer())
        elif session is None:
            await self._handshake(scope, query, reply)
        elif method == "GET":
            await poll(session, receive, reply)
        elif (answer := await post(session, scope, receive)) is not None:
            await reply(answer)

    async def _handshake(self, scope: Scope, query: Query, reply: Reply) -> None:
        try:
            session = await self._open(scope, query)
        except Exception as error:  # noqa: BLE001 -- translated, and logged there if it is a surprise
            await reply(error_answer(translate(error)))
            return
        try:
            await reply(Answer(200, open_packet(session.id, upgrades=[WEBSOCKET]).encode()))
        except BaseException:
            session.abort("transport close")
            raise

    # -- WebSocket --------------------------------------------------------------------------------

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})  # a refusal before that is an error that clients do not catch
        if not has_allowed_origin(scope):
            await refuse(send, Close.POLICY, "origin not allowed")
            return
        query, session = self._find(scope)
        refusal = _refusal(query, session, method="GET", transport=WEBSOCKET)
        if refusal is not None:
            await refuse(send, Close.MALFORMED, refusal.message)
        elif session is None:
            await self._connect(scope, query, receive, send)
        elif not await upgrade(session, scope, receive, send):
            await refuse(send, Close.MALFORMED, BAD_REQUEST.message)

    async def _connect(self, scope: Scope, query: Query, receive: Receive, send: Send) -> None:
        try:
            session = await self._open(scope, query)
        except Exception as error:  # noqa: BLE001 -- as above
            code = translate(error).code
            await refuse(send, Close.LIMIT if code == "TOO_MANY_CONNECTIONS" else Close.GOING_AWAY, code)
            return
        await connect(session, scope, receive, send)


def _query(scope: dict[str, Any]) -> Query:
    """The first value of each parameter."""
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return dict(reversed(pairs))


def _refusal(query: Query, session: EngineSession | None, *, method: str, transport: str) -> Refusal | None:
    """Why a request over this transport is not served, in the order in which the official server looks."""
    checks = (
        (query.get("transport") not in {POLLING, WEBSOCKET}, UNKNOWN_TRANSPORT),
        (session is None and bool(query.get("sid")), UNKNOWN_SESSION),
        (session is None and method != "GET", BAD_METHOD),
        (query.get("EIO") != VERSION, BAD_VERSION),
        (query.get("transport") != transport, BAD_REQUEST),
        (method not in {"GET", "POST"}, BAD_REQUEST),
    )
    return next((refusal for is_wrong, refusal in checks if is_wrong), None)
