"""A connection is ended for good, whatever has become of it."""

import asyncio
import socket

import pytest

from realtime.websockets import reset
from tests.realtime.waiting import soon

pytestmark = pytest.mark.asyncio


class Ending(asyncio.Protocol):
    def __init__(self) -> None:
        self.is_over = asyncio.Event()

    def connection_lost(self, error: Exception | None) -> None:
        self.is_over.set()


@pytest.mark.parametrize("is_closed", [False, True], ids=["open", "closed"])
async def test_a_connection_can_be_reset_at_any_time(is_closed: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        accepted, _ = listener.accept()
        transport, ending = await asyncio.get_running_loop().connect_accepted_socket(Ending, accepted)
        if is_closed:
            transport.close()
            await soon(ending.is_over.wait())
        reset(transport)
        await soon(ending.is_over.wait())
        client.settimeout(10)
        if is_closed:
            assert client.recv(1) == b""
        else:
            with pytest.raises(ConnectionResetError):
                client.recv(1)
