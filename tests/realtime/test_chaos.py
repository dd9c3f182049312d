"""All at once, at random, on a slow and failing layer: afterwards nothing is left of anybody."""

import asyncio
import gc
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from weakref import WeakSet

import pytest
from pytest_django import Settings

from accounts.models import User
from accounts.tokens import access_token
from realtime.expiry import Expiry
from realtime.hub import Hub
from realtime.layer_memory import MemoryLayer
from realtime.log_memory import MemoryLog
from realtime.presence_memory import MemoryPresence
from realtime.process import Process
from realtime.publishing import Admit, Disconnect, Evict, Push
from realtime.rooms import UserRoom, group
from realtime.sessions import Session
from tests.lab.events import Noted
from tests.lab.rooms import LabRoom
from tests.realtime.sockets import Socket
from tests.realtime.test_recovery import settled, tell
from tests.realtime.transports.socketio.clients import Client
from tests.realtime.waiting import until

pytestmark = pytest.mark.asyncio

Work = Callable[..., Awaitable[Any]]
NAMESPACES = ("/lab", "/band", "/", "/ws", "/realtime")
ROUNDS, CLIENTS, TROUBLES = 4, 25, 40


class Storm:
    """Clients that come and go, and trouble of every kind meanwhile."""

    def __init__(self, process: Process, users: Iterable[User], seed: int) -> None:
        self.process, self.chance = process, random.Random(seed)
        self.tokens = {user: access_token(user) for user in users}
        self.known: dict[tuple[str, User], tuple[str, str]] = {}  # the last key and offset there, to come back with
        self.sessions: WeakSet[Session] = WeakSet()
        self.expiries: set[Expiry] = set()

    def happens(self, likelihood: float) -> bool:
        return self.chance.random() < likelihood

    async def dawdle(self) -> None:
        """Let others go first, for a while."""
        for _ in range(self.chance.randrange(20)):
            await asyncio.sleep(0)

    def slow(self, work: Work, *, failing: float = 0) -> Work:
        """The same, later, or not at all."""

        async def slowly(*arguments: Any) -> Any:
            await self.dawdle()
            if self.happens(failing):
                raise ConnectionError("no")
            result = await work(*arguments)
            await self.dawdle()
            return result

        return slowly

    def begin(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """From now on the layer and the presence are slow, and all sessions and their timers are known."""
        layer, presence = self.process.layer, self.process.presence
        attach, watch = Hub.attach, Expiry.watch

        def attached(hub: Hub, session: Session) -> None:
            self.sessions.add(session)
            attach(hub, session)

        def watched(expiry: Expiry, expires_at: float) -> None:
            self.expiries.add(expiry)
            watch(expiry, expires_at)

        monkeypatch.setattr(Hub, "attach", attached)
        monkeypatch.setattr(Expiry, "watch", watched)
        monkeypatch.setattr(layer, "group_add", self.slow(layer.group_add, failing=0.02))
        monkeypatch.setattr(layer, "group_discard", self.slow(layer.group_discard))
        monkeypatch.setattr(presence, "connect", self.slow(presence.connect))
        monkeypatch.setattr(presence, "disconnect", self.slow(presence.disconnect))

    # -- what happens -----------------------------------------------------------------------

    async def rage(self) -> None:
        for _ in range(ROUNDS):
            visits = [self.plain() if self.happens(0.4) else self.socketio() for _ in range(CLIENTS)]
            await asyncio.gather(self.trouble(), *visits)

    async def plain(self) -> None:
        """A visit on the plain wire."""
        user = self.chance.choice([*self.tokens])
        key, offset = self.known.get(("plain", user), ("", ""))
        query = f"resume={offset}&connection={key}".encode() if key and self.happens(0.7) else b""
        socket = Socket(user, token=self.tokens[user], query_string=query).open()
        await self.stay(lambda: socket.has_ended or bool(socket.events("connected")))
        if self.happens(0.5):
            socket.ask("rooms.subscribe", {"room": f"lab:{self.chance.randrange(3)}"})
        await self.dawdle()
        for greeting in socket.events("connected"):
            self.known["plain", user] = greeting["connectionId"], greeting["offset"]
        if not socket.has_ended:
            await socket.leave()

    async def socketio(self) -> None:
        """A visit on Socket.IO."""
        client = await Client().opened()
        namespace, user = self.chance.choice(NAMESPACES), self.chance.choice([*self.tokens])
        token = self.tokens[user]
        auth = {"token": token} if self.happens(0.7) else {}
        if (namespace, user) in self.known and self.happens(0.7):
            auth["pid"], auth["offset"] = self.known[namespace, user]
        client.ask_in(namespace, auth)
        await self.stay(lambda: client.task.done() or bool(client.packets))
        self.chatter(client, namespace, token, auth)
        await self.stay(lambda: client.task.done() or any(packet.id == 2 for packet in client.packets))
        log = self.process.log
        for packet in client.packets:
            if packet.kind == 0 and "pid" in packet.data:
                self.known[namespace, user] = packet.data["pid"], log.offset(log.number)
        if not client.task.done():
            await client.leave()

    def chatter(self, client: Client, namespace: str, token: str, auth: dict[str, str]) -> None:
        """Some of what one can say there."""
        if self.happens(0.5):
            client.emit(namespace, "auth", token, id=1)
        if self.happens(0.5):
            client.emit(namespace, "join", {"room": f"lab:{self.chance.randrange(3)}"}, id=2)
        if self.happens(0.2):
            client.say("41" + ("" if namespace == "/" else namespace + ","))
        if self.happens(0.2):
            client.ask_in(namespace, auth)

    async def stay(self, is_so: Callable[[], bool]) -> None:
        """Until it is so, or others had their turns."""
        for _ in range(self.chance.randrange(300)):
            if is_so():
                return
            await asyncio.sleep(0)

    async def trouble(self) -> None:
        for _ in range(TROUBLES):
            user, room = self.chance.choice([*self.tokens]), LabRoom(str(self.chance.randrange(4)))
            (kind,) = self.chance.choices(["told", "own", "in", "out", "revoked", "gap"], [50, 10, 20, 20, 1.5, 0.7])
            intents = {
                "told": Push(room, Noted(number=1)),
                "own": Push(UserRoom(user.pk), Noted(number=2)),
                "in": Admit(user.pk, room),
                "out": Evict(user.pk, room),
                "revoked": Disconnect(user.pk, keep="nobody"),
            }
            if kind == "gap":
                self.process.hub._gap()
            else:
                await tell(intents[kind])
            await self.dawdle()


# -- what is left ------------------------------------------------------------------------------------------------


def tasks() -> list[str]:
    """Those of connections."""
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name() in {"socket", "engine.io", "outbound"}]


async def nobody_is_there(process: Process) -> None:
    """Return when all have gone, and the process is as it should be without them."""
    hub, presence = process.hub, process.presence
    assert isinstance(presence, MemoryPresence)
    await until(lambda: not tasks() and not process.connections and not presence._devices)
    assert (hub._users, hub._rooms, process.troubles) == ({}, {}, [])


def books_agree(process: Process) -> None:
    """The hub, its layer and its log know the same rooms and sessions."""
    hub, log, layer = process.hub, process.log, process.layer
    assert isinstance(log, MemoryLog)
    assert isinstance(layer, MemoryLayer)
    sessions = log._sessions
    assert set(sessions._records) == set(sessions._gone)
    assert {key for keys in sessions._of_user.values() for key in keys} == set(sessions._records)
    assert set(hub._subscribed) <= set(hub._lingering)
    assert set(hub._subscribed) == set(log._covered)
    heard = {name for name, members in layer._groups.items() if hub._channel in members and name.startswith("room.")}
    assert heard <= {group(address) for address in hub._lingering}


async def nothing_is_kept(process: Process) -> None:
    """When the window has passed."""
    hub, log = process.hub, process.log
    assert isinstance(log, MemoryLog)
    for address in list(hub._lingering):
        await hub._let_go(address)
    log.sweep()
    assert not log._sessions._records
    assert not log._sessions._of_user
    assert not log._entries
    assert not log._rooms
    assert not log._trimmed
    assert not log._latest
    assert not log._latest_in
    assert (hub._subscribed, log._covered, hub._doubtful, log._size) == ({}, {}, set(), 0)


def forget_records(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Let go of what was logged, with the tracebacks in it; the errors that were, but those of the layer."""
    found = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    errors = [
        record.getMessage()
        for record in found
        if not (record.exc_info and isinstance(record.exc_info[1], ConnectionError))
    ]
    for handler in logging.getLogger().handlers:
        if isinstance(handler, type(caplog.handler)):
            handler.records.clear()
    return errors


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_nothing_is_left_of_anybody(
    process: Process,
    alice: User,
    bob: User,
    carol: User,
    seed: int,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.REALTIME = {**settings.REALTIME, "REFUSAL_DELAY": 0, "OFFLINE_GRACE": 0}
    storm = Storm(process, (alice, bob), seed)
    with monkeypatch.context() as patch:
        storm.begin(patch)
        await storm.rage()
    witness = await Socket(carol).greeted()
    await settled(witness)  # and so is all that was published
    await witness.leave()
    await nobody_is_there(process)
    books_agree(process)
    assert [timer for expiry in storm.expiries for timer in expiry._timers if not timer.cancelled()] == []
    settings.REALTIME = {**settings.REALTIME, "RECOVERY_WINDOW": 0}
    await nothing_is_kept(process)
    assert forget_records(caplog) == []
    storm.expiries.clear()
    gc.collect()
    assert list(storm.sessions) == []
