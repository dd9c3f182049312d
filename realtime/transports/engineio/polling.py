"""The polling transport: a GET waits for packets, a POST brings some."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from realtime.conf import conf
from realtime.errors import ClientError, Close
from realtime.middleware import Receive, Scope, header
from realtime.transports.engineio.answers import BAD_REQUEST, OK, TOO_BIG, Answer, error_answer
from realtime.transports.engineio.packets import MalformedError, decode_payload, encode_payload
from realtime.transports.engineio.session import EngineSession

Reply = Callable[[Answer], Awaitable[None]]

FAIR: Final = 64  # packets of one POST, after which others have their turn


class TooBigError(Exception):
    """A body of more than `max_payload` bytes."""


class GoneError(Exception):
    """The client has gone before it was answered."""


async def poll(session: EngineSession, receive: Receive, reply: Reply) -> None:
    """Answer a GET, when there is something to say. A client that goes away instead ends the session."""
    if session.requests.is_polled and not session.has_line:
        session.abort("transport error")
        await reply(BAD_REQUEST.answer())
        return
    try:
        await _answerable(session, receive)
    except GoneError:
        session.requests.end_poll()
        session.abort("transport close")
        return
    except asyncio.CancelledError:
        session.requests.end_poll()
        session.abort("transport close")
        raise
    packets = session.end_poll()
    if packets is None:
        await asyncio.sleep(conf().refusal_delay)  # what the WebSocket was sent before arrives before this answer
        await reply(BAD_REQUEST.answer())
        return
    await reply(Answer(200, encode_payload(packets)))
    if session.is_gone:
        session.told()


async def _answerable(session: EngineSession, receive: Receive) -> None:
    """Wait until the poll can be answered; GoneError if the client leaves before."""
    answerable = session.begin_poll()
    leaving = asyncio.create_task(_leaving(receive), name="poll")
    try:
        await asyncio.wait([answerable, leaving], return_when=asyncio.FIRST_COMPLETED)
        if leaving.done():
            raise GoneError
    finally:
        leaving.cancel()
        await asyncio.wait([leaving])


async def _leaving(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def post(session: EngineSession, scope: Scope, receive: Receive) -> Answer | None:
    """Handle the packets of a POST, one after another; None if nobody is there to be answered."""
    if session.has_line:
        return BAD_REQUEST.answer()
    if session.requests.is_posted:
        session.abort("transport error")
        return BAD_REQUEST.answer()
    with session.requests.posting():
        try:
            return await _accept(session, await _body(scope, receive))
        except TooBigError:
            session.abort("transport error", Close.TOO_BIG)
            return TOO_BIG
        except GoneError:
            session.abort("transport error")
            return None
        except asyncio.CancelledError:
            session.abort("transport error")
            raise


async def _accept(session: EngineSession, body: bytearray) -> Answer:
    if session.is_gone:  # while the body was on its way
        return BAD_REQUEST.answer()
    try:
        for number, packet in enumerate(decode_payload(body), start=1):
            await session.receive(packet)
            if number % FAIR == 0:
                await asyncio.sleep(0)
    except MalformedError:
        session.abort("parse error")
        return BAD_REQUEST.answer()
    except ClientError as error:
        return error_answer(error)
    return OK


async def _body(scope: Scope, receive: Receive) -> bytearray:
    """All of it; TooBigError as soon as that is known, GoneError if it breaks off."""
    limit = conf().max_payload
    announced = header(scope, b"content-length") or ""
    if announced.isdecimal() and int(announced) > limit:
        raise TooBigError
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise GoneError
        body += message.get("body", b"")
        if len(body) > limit:
            raise TooBigError
        more = message.get("more_body", False)
    return body
