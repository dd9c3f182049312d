"""A connection is ended for good, whatever has become of it."""

import asyncio
import socket
from contextlib import closing
from typing import cast

import pytest

from realtime.websockets import reset
from tests.realtime.waiting import soon

pytestmark = pytest.mark.asyncio


class Ending(asyncio.Protocol):
    def __init__(self) -> None:
        self.transport: asyncio.Future[asyncio.Transport] = asyncio.get_running_loop().create_future()
        self.is_over = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport.set_result(cast(asyncio.Transport, transport))  # uvloop's are of no class of asyncio

    def connection_lost(self, error: Exception | None) -> None:
        self.is_over.set()


@pytest.mark.parametrize("is_closed", [False, True], ids=["open", "closed"])
async def test_a_connection_can_be_reset_at_any_time(is_closed: bool) -> None:
    ending = Ending()
    server = await asyncio.get_running_loop().create_server(lambda: ending, "127.0.0.1", 0)
    with closing(server), socket.create_connection(server.sockets[0].getsockname()) as client:
        client.settimeout(10)
        transport = await soon(ending.transport)
        transport.get_extra_info("socket")  # as uvicorn asks at once; uvloop keeps that object beyond the end
        if is_closed:
            transport.close()
            await soon(ending.is_over.wait())
        reset(transport)
        await soon(ending.is_over.wait())
        if is_closed:
            assert client.recv(1) == b""
        else:
            with pytest.raises(ConnectionResetError):
                client.recv(1)
