"""One namespace of one Socket.IO client: where its session writes to, and what runs its events in order."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from realtime.codec import Push
from realtime.conf import conf
from realtime.errors import ClientError, Close, translate
from realtime.middleware import address_of
from realtime.outbound import Frame
from realtime.sessions import Session
from realtime.transports.socketio.acks import Acks, UnansweredError
from realtime.transports.socketio.answering import authenticate, run
from realtime.transports.socketio.codec import SocketIOCodec, codec_of
from realtime.transports.socketio.entering import Entrant, count_connection, examine
from realtime.transports.socketio.inbox import Inbox
from realtime.transports.socketio.packets import Kind, encode
from realtime.vocabulary import Door

if TYPE_CHECKING:
    from realtime.transports.socketio.client import Client

logger = logging.getLogger(__name__)

TRANSPORT: Final = {Close.GOING_AWAY, Close.SLOW_CONSUMER, Close.INTERNAL}
"""Ends of the whole connection, after which clients come back by themselves; after others they do not."""

REFUSED: Final = "Authentication failed"

_running: set["asyncio.Task[None]"] = set()  # the loop itself keeps no strong references


class Event(NamedTuple):
    """What a client sent; with an `id` it wants an acknowledgement."""

    name: str
    arguments: Sequence[Any]
    id: int | None


class Socket:
    """From CONNECT to the end. A sink of its session."""

    def __init__(self, client: "Client", door: Door, auth: Mapping[str, Any]) -> None:
        self.namespace: Final = door.namespace
        self.acks: Final = Acks()
        self._client, self._door = client, door
        self.write = client.transport.write  # behind all others of the client
        self.session: Final = Session(client.process, self._codec(door.profile), self)
        self._key = token_urlsafe(18)
        self._inbox: Inbox[Event] = Inbox(conf().inbox, conf().max_payload)
        self._deadline: asyncio.TimerHandle | None = None  # until when `auth` has to come
        self._is_accepted = self._is_closed = self._is_busy = self._is_over = False
        self._task = asyncio.create_task(self._serve(auth), name="socket")
        _running.add(self._task)
        self._task.add_done_callback(_running.discard)

    # -- the sink -----------------------------------------------------------------------------

    def close(self, code: Close, reason: str, *, farewell: Frame | None = None) -> None:
        """End this namespace, so that the client stays away, or the connection, so that it comes back."""
        if self._is_closed:
            return
        is_refused = not self._is_accepted and code not in TRANSPORT
        if is_refused and self._door.refusal is None:
            self._deny({"code": reason, "message": REFUSED})
            return
        if is_refused:
            self._answer()
        if farewell is not None:
            self.write(farewell)
        if code in TRANSPORT:
            self._client.transport.close(code, reason)
        else:
            self._client.write(encode(Kind.DISCONNECT, self.namespace))
            self._end(for_good=True)

    @property
    def is_closed(self) -> bool:
        """Whether it has ended."""
        return self._is_closed

    async def closed(self, timeout: float) -> None:
        """When the client was told."""
        await self._client.transport.closed(timeout)

    async def ask(self, push: Push) -> Any:
        """Tell an event and return the client's acknowledgement, a list."""
        if self._is_closed:
            raise UnansweredError("The client has gone.")
        with self._inbox.relaxed():  # the answer may stand behind events that wait
            return await self.acks.ask(lambda id: self.write(self.codec.question(push, id)))

    # -- from the client ------------------------------------------------------------------------

    async def take(self, name: str, arguments: Sequence[Any], id: int | None, size: int) -> None:
        """Queue an event of so many bytes; waits while the inbox is full, so that nothing more is read."""
        await self._inbox.put(Event(name, arguments, id), size)

    def take_now(self, name: str, arguments: Sequence[Any], id: int | None, size: int) -> bool:
        """Queue it if there is room."""
        return self._inbox.offer(Event(name, arguments, id), size)

    def leave(self) -> None:
        """The client wants to be disconnected: its session cannot be resumed."""
        logger.info("left", extra={"namespace": self.namespace, "reason": "client namespace disconnect"})
        self._end(for_good=True)

    def lose(self, reason: str) -> None:
        """The transport has gone."""
        logger.info("lost", extra={"namespace": self.namespace, "reason": reason})
        self._end(for_good=False)

    def _end(self, *, for_good: bool) -> None:
        if self._is_closed:
            return
        self._is_closed, self._is_over = True, for_good
        self.session.mute()
        self.write = self.session.write
        self._client.remove(self)
        self.settle()
        self.acks.fail()
        self._inbox.close()
        if for_good:  # at once, though a command may still run
            self.session.forget()
        # A command that runs is not cut off in the middle, nor is the end of the task by itself.
        if not self._is_busy and asyncio.current_task() is not self._task:
            self._task.cancel()

    # -- its life -------------------------------------------------------------------------------

    async def _serve(self, auth: Mapping[str, Any]) -> None:
        try:
            await self._enter(auth)
            del auth  # as an event, it can hold a token: no name may keep it alive while the next one is waited for
            while not self._is_closed:
                await self._handle(await self._inbox.get())
        except asyncio.CancelledError:
            if not self._is_closed:
                raise
        except Exception:
            logger.exception("a session failed; its client reconnects")
            self._client.transport.close(Close.INTERNAL, "internal error")
        finally:
            self._end(for_good=False)
            await self.session.stop(for_good=self._is_over)

    async def _enter(self, auth: Mapping[str, Any]) -> None:
        try:
            await count_connection(self._door, address_of(self._client.transport.scope))
            if not self._client.is_recoverable:
                auth = {name: value for name, value in auth.items() if name != "pid"}
            entrant = await examine(self._door, auth, self._client.offered, self._client.process.log)
            self.session.codec = self._codec(entrant.profile)
            if entrant.credentials is not None:
                await self.start(entrant)
        except Exception as error:  # noqa: BLE001 -- translated, and logged there if it is a surprise
            await self._refuse(translate(error))
            return
        if self._is_closed:  # revoked meanwhile
            return
        await self._accept()
        if entrant.credentials is None or (entrant.resume is not None and entrant.resume.is_proof):
            self._deadline = asyncio.get_running_loop().call_later(conf().auth_timeout, self._on_silence)
        self.session.greet()

    async def start(self, entrant: Entrant) -> None:
        """Somebody is logged in here."""
        assert entrant.credentials is not None
        key = self._key if self._client.is_recoverable and entrant.credentials.identity.is_authenticated else None
        await self.session.start(entrant.credentials, key=key, resume=entrant.resume if key else None)
        self._key = self.session.key or self._key

    async def _accept(self) -> None:
        """Answer CONNECT; the first event goes a moment later, for clients whose listeners are not there yet."""
        self._answer()
        await asyncio.sleep(conf().connect_pause)

    def _answer(self) -> None:
        sid = sha256(self._key.encode()).hexdigest()[:20]  # the same again for a session that is resumed
        keys = {"pid": self._key} if self._client.is_recoverable else {}
        if not self._is_closed:
            self._client.write(encode(Kind.CONNECT, self.namespace, data={"sid": sid} | keys))
        self._is_accepted = True

    def _deny(self, data: Mapping[str, Any]) -> None:
        message = data["message"] if data["code"] == "TOO_MANY_CONNECTIONS" else REFUSED
        if not self._is_closed:
            refusal = {"message": message, "data": data}
            self._client.write(encode(Kind.CONNECT_ERROR, self.namespace, data=refusal))
        self._end(for_good=True)

    async def _refuse(self, error: ClientError) -> None:
        logger.info("refused", extra={"code": error.code, "namespace": self.namespace})
        if error.code == "INTERNAL":
            self._client.transport.close(Close.GOING_AWAY, error.code)
        elif self._door.refusal is None:
            self._deny(error.body())
        else:
            await self._accept()
            if error.code != "TOO_MANY_CONNECTIONS":
                error = ClientError("AUTH_FAILED", self._door.refusal)
            self.session.end(error, Close.UNAUTHENTICATED)

    def _on_silence(self) -> None:
        self.session.end(ClientError("AUTH_TIMEOUT", "No `auth` came in time."), Close.AUTH_TIMEOUT)

    def settle(self) -> None:
        """`auth` need not be waited for (any more)."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    @property
    def is_pending(self) -> bool:
        """Whether `auth` has yet to come."""
        return self._deadline is not None

    # -- its events -----------------------------------------------------------------------------

    async def _handle(self, event: Event) -> None:
        self._is_busy = True
        if event.name == "auth":
            await authenticate(self, event)
        else:
            await run(self, event)
        self._is_busy = False

    def acknowledge(self, id: int, value: Any) -> None:
        """Answer an event under its id; a tuple is several arguments."""
        if not self._is_closed:
            arguments = list(value) if isinstance(value, tuple) else [value]
            self._client.write(encode(Kind.ACK, self.namespace, id, arguments))

    @property
    def codec(self) -> SocketIOCodec:
        """What is spoken here."""
        codec = self.session.codec
        assert isinstance(codec, SocketIOCodec)
        return codec

    def _codec(self, profile: Any) -> SocketIOCodec:
        return codec_of(profile, self.namespace, offsets=self._client.is_recoverable)
