"""The layer above Engine.IO, which keeps what it hears."""

from collections.abc import Awaitable, Callable

from realtime.transports.engineio.app import EngineApp
from realtime.transports.engineio.contracts import Handler as Base
from realtime.transports.engineio.packets import Packet
from realtime.transports.engineio.session import EngineSession
from tests.hard_edges.serving import Served

Serve = Callable[..., Awaitable[Served]]


class Handler(Base):
    """Of one session. `ends` are the reasons that were told."""

    def __init__(self, session: EngineSession) -> None:
        self.session = session
        self.ends: list[str] = []

    async def on_message(self, message: Packet) -> None:
        """It is not answered."""

    def on_close(self, reason: str) -> None:
        """Keep it."""
        self.ends.append(reason)


class Engine:
    """A server of Engine.IO; `handlers` are those of all its sessions."""

    def __init__(self) -> None:
        self.handlers: list[Handler] = []
        self.served: Served

    async def start(self, serve: Serve, **options: object) -> "Engine":
        """Return when it takes connections."""
        self.served = await serve(EngineApp(self._on_open), **options)
        return self

    async def _on_open(self, session: EngineSession) -> Handler:
        self.handlers.append(Handler(session))
        return self.handlers[-1]

    @property
    def handler(self) -> Handler:
        """The only one."""
        (only,) = self.handlers
        return only

    def url(self, transport: str, sid: str = "") -> str:
        """Where a client of this transport goes."""
        scheme = "ws" if transport == "websocket" else "http"
        query = f"EIO=4&transport={transport}" + (f"&sid={sid}" if sid else "")
        return f"{scheme}://127.0.0.1:{self.served.port}/?{query}"
