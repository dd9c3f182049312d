"""An Engine.IO server for the tests, with a layer above that does what a message says, else echoes it."""

import asyncio
import json
import os
from typing import Any
from urllib.parse import parse_qsl

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realtime_project.settings")

import django

django.setup()

from django.conf import settings  # noqa: E402 -- set up first

from realtime.conf import conf  # noqa: E402
from realtime.errors import ClientError  # noqa: E402
from realtime.outbound import Frame  # noqa: E402
from realtime.transports.engineio.app import EngineApp  # noqa: E402
from realtime.transports.engineio.contracts import Handler  # noqa: E402
from realtime.transports.engineio.packets import MESSAGE, MalformedError, Packet  # noqa: E402
from realtime.transports.engineio.requests import Requests  # noqa: E402
from realtime.transports.engineio.session import EngineSession  # noqa: E402


def frame(message: Packet, *, is_droppable: bool = False) -> Frame:
    """A frame of one message."""
    return Frame.of(MESSAGE + message if isinstance(message, str) else message, is_droppable=is_droppable)


class Echo(Handler):
    """`burst N` and `stream N` send N numbers, at once or little by little; `close` and `break` end the session."""

    def __init__(self, session: EngineSession, ends: dict[str, list[str]]) -> None:
        self.session, self.ends = session, ends

    async def on_message(self, message: Packet) -> None:
        match str(message).split():
            case ["burst", number]:
                for count in range(int(number)):
                    self.session.write(frame(str(count)))
            case ["stream", number]:
                self.stream(0, int(number))
            case ["close"]:
                self.session.write(frame("last words"))
                self.session.close(reason="the end")
            case ["break"]:
                raise MalformedError("as asked")
            case ["slowly", *_]:
                await asyncio.sleep(0.02)
                self.session.write(frame(message))
            case _:
                self.session.write(frame(message))

    def stream(self, count: int, number: int) -> None:
        """The numbers from `count` on."""
        if count < number:
            self.session.write(frame(str(count)))
            asyncio.get_running_loop().call_later(0.0005, self.stream, count + 1, number)

    def on_close(self, reason: str) -> None:
        self.ends.setdefault(self.session.id, []).append(reason)


class Application:
    """Engine.IO at every path but two: `/state` tells of a session, `/settings` changes those of the core."""

    def __init__(self) -> None:
        self.ends: dict[str, list[str]] = {}
        self.engine = EngineApp(self.on_open)
        self.settings = settings.REALTIME

    async def on_open(self, session: EngineSession) -> Echo:
        """Let in who does not ask to be refused."""
        if "refuse" in session.query:
            raise ClientError(session.query["refuse"], "as asked")
        return Echo(session, self.ends)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request or one WebSocket."""
        query = scope["query_string"].decode()
        match scope["path"]:
            case "/state":
                await answer(send, self.state(query))
            case "/settings":
                settings.REALTIME = {**self.settings, **dict(parse_qsl(query))}
                conf.cache_clear()
                await answer(send, None)
            case _:
                await self.engine(scope, receive, send)

    def state(self, sid: str) -> dict[str, Any]:
        """The requests that are under way, and why the session has ended: once, or not yet."""
        requests = self.engine.sessions[sid].requests if sid in self.engine.sessions else Requests()
        return {
            "is_polled": requests.is_polled,
            "is_posted": requests.is_posted,
            "ends": self.ends.get(sid, []),
        }


async def answer(send: Any, content: Any) -> None:
    """Send it as JSON."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})


application = Application()
