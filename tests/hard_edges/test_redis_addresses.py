"""Redis behind a Unix socket, behind TLS, and with a password that has to be quoted."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from realtime.layer_redis import RedisLayer
from realtime.redis_wire import RedisWire
from tests.realtime.waiting import soon, until
from tests.services import Redis
from tests.services import redis_server as program

SUBJECT = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
FILES = ["-keyout", "key.pem", "-out", "cert.pem"]


async def can_talk(layer: RedisLayer) -> bool:
    """Whether what is sent is heard."""
    channel = await layer.new_channel()
    await layer.send(channel, {"type": "t"})
    heard = await soon(layer.receive(channel))
    await layer.close()
    return heard == {"type": "t"}


@pytest.fixture
def unix_socket(tmp_path: Path) -> Iterator[Path]:
    """Where a Redis with the password `pä ss/@:` listens."""
    path = tmp_path / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(path), "--requirepass", "pä ss/@:", "--save", ""]
    process = subprocess.Popen([program(), *options], cwd=tmp_path, stdout=subprocess.DEVNULL)
    yield path
    process.terminate()
    process.wait(10)


@pytest.mark.asyncio
async def test_a_unix_socket_and_a_quoted_password(unix_socket: Path) -> None:
    await until(unix_socket.exists)
    assert await can_talk(RedisLayer(f"unix://:p%C3%A4%20ss%2F%40%3A@{unix_socket}?db=2"))
    with pytest.raises(ConnectionError):
        await RedisWire.open(f"unix://:wrong@{unix_socket}")
    layer = RedisLayer(f"unix://{unix_socket}")
    with pytest.raises(ConnectionError):
        await layer.group_send("room", {"type": "t"})
    await layer.close()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of an authority that nobody knows; its key is beside it."""
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *FILES, *SUBJECT]
    subprocess.run(make, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path / "cert.pem"


async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """All that comes, to the end."""
    try:
        while data := await source.read(65536):
            target.write(data)
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        target.close()


@pytest_asyncio.fixture
async def tls_port(redis_server: Redis, certificate: Path) -> AsyncIterator[int]:
    """Where TLS ends before a Redis."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    tunnels: set[asyncio.Task[None]] = set()

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", redis_server.port)
        await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer))

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tunnels.add(asyncio.create_task(tunnel(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await soon(asyncio.gather(*tunnels))


@pytest.mark.asyncio
async def test_tls_with_an_authority_that_is_known(redis_server: Redis, tls_port: int, certificate: Path) -> None:
    url = f"rediss://:{redis_server.password}@127.0.0.1:{tls_port}/0"
    assert await can_talk(RedisLayer(f"{url}?ssl_ca_certs={certificate}"))


@pytest.mark.asyncio
async def test_tls_with_an_authority_that_is_not_known(redis_server: Redis, tls_port: int) -> None:
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        await RedisWire.open(f"rediss://:{redis_server.password}@127.0.0.1:{tls_port}/0")
