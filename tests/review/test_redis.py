"""Redis that says no, late, half, or in another order."""

import asyncio
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from realtime.layer_redis import RedisLayer, _topic
from realtime.redis_wire import RedisWire
from tests.realtime.waiting import soon, until
from tests.review.fake_redis import FakeRedis, confirm, ordinary, push
from tests.services import Redis, redis_server as program




@pytest.mark.asyncio
async def test_a_busy_loop_is_not_a_silent_redis(redis_server: Redis) -> None:
    """Under uvloop timers run before the sockets are looked at."""
    wire = await RedisWire.open(redis_server.url)
    answer = wire.ask("PUBLISH", "a", "b")
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # it is written, and answered at once
    time.sleep(1.2)  # a collection, a storm, a fan-out to very many
    try:
        assert await soon(answer) == 0
    finally:
        wire.close()


@pytest.mark.asyncio
async def test_many_who_publish_wait_no_longer_than_one() -> None:
    """`RedisLayer`: "Every method that needs Redis raises ConnectionError if it does not answer within a second." """
    async with FakeRedis(lambda words, writer: None) as fake:  # AUTH is not answered
        layer = RedisLayer(fake.url.replace("redis://", "redis://:secret@"))
        began = time.monotonic()
        sent = await asyncio.gather(
            *(layer.group_send("g", {"type": "t"}) for _ in range(5)), return_exceptions=True
        )
        took = time.monotonic() - began
        await layer.close()
    assert all(isinstance(one, ConnectionError) for one in sent)
    assert took < 2, f"{took:.1f} s for five"


@pytest.mark.asyncio
async def test_the_gap_is_told_when_everything_is_heard_again() -> None:
    """Who comes back on the notice must not fall into the hole that is still there."""
    confirming = True

    def answer(words: list[bytes], writer: asyncio.StreamWriter) -> bytes | None:
        if words[0].upper() == b"SUBSCRIBE" and not confirming:
            return None
        return ordinary(words, writer)

    async with FakeRedis(answer) as fake:
        layer = RedisLayer(fake.url)
        heard_at_gap: list[int] = []
        channel = await layer.new_channel()
        await layer.group_add("room", channel)
        before = len([words for words in fake.told if words[0] == b"SUBSCRIBE"])
        layer.on_gap = lambda: heard_at_gap.append(len([w for w in fake.told if w[0] == b"SUBSCRIBE"]) - before)
        confirming = False
        fake.writers[0].transport.abort()
        await until(lambda: len([w for w in fake.told if w[0] == b"SUBSCRIBE"]) > before)
        await asyncio.sleep(0.1)
        told_too_early = list(heard_at_gap)
        await layer.close()
    assert told_too_early == [], "the clients are sent away before Redis has even got the SUBSCRIBE"


@pytest.mark.asyncio
async def test_a_room_is_not_said_to_be_heard_before_redis_confirms_it_again() -> None:
    """Right after the gap notice a client comes back, and joins: the hub, and the layer, say "done" at once."""
    confirming = True

    def answer(words: list[bytes], writer: asyncio.StreamWriter) -> bytes | None:
        if words[0].upper() == b"SUBSCRIBE" and not confirming:
            return None
        return ordinary(words, writer)

    async with FakeRedis(answer) as fake:
        layer = RedisLayer(fake.url)
        gap = asyncio.Event()
        layer.on_gap = gap.set
        one, two = await layer.new_channel(), await layer.new_channel()
        await layer.group_add("room", one)
        confirming = False
        fake.writers[0].transport.abort()
        await asyncio.wait_for(gap.wait(), 5)
        try:
            with pytest.raises(ConnectionError):
                await layer.group_add("room", two)
        finally:
            await layer.close()


@pytest.mark.asyncio
async def test_a_refused_subscription_is_noticed(caplog: pytest.LogCaptureFixture) -> None:
    """NOPERM, NOAUTH after a change of password: the connection lives, pings are answered, and nothing is heard."""
    refusing = False

    def answer(words: list[bytes], writer: asyncio.StreamWriter) -> bytes | None:
        if refusing and words[0].upper() != b"AUTH":
            return b"-NOAUTH Authentication required.\r\n"
        return ordinary(words, writer)

    async with FakeRedis(answer) as fake:
        layer = RedisLayer(fake.url)
        channel = await layer.new_channel()
        await layer.group_add("room", channel)
        refusing = True
        fake.writers[0].transport.abort()
        await until(lambda: len(fake.writers) == 2)
        await until(lambda: fake.told[-1][0] == b"SUBSCRIBE" and fake.told.count(fake.told[-1]) >= 1)
        await asyncio.sleep(1.5)
        attempts = len(fake.writers)
        await layer.close()
    assert attempts > 2 or "NOAUTH" in caplog.text, "deaf for ever, with a live connection and nothing in the log"


@pytest.mark.asyncio
async def test_the_answer_to_an_earlier_subscription_confirms_no_later_one() -> None:
    """Joined, left, joined again before Redis answered the first."""
    held: list[bytes] = []

    def answer(words: list[bytes], writer: asyncio.StreamWriter) -> bytes | None:
        if words[0] == b"SUBSCRIBE" and words[1:] == [_topic("room").encode()]:
            held.append(words[1])
            return None
        return ordinary(words, writer)

    async with FakeRedis(answer) as fake:
        layer = RedisLayer(fake.url)
        channel = await layer.new_channel()
        first = asyncio.create_task(layer.group_add("room", channel))
        await until(lambda: len(held) == 1)
        first.cancel()  # the client went away
        await asyncio.wait([first])
        second = asyncio.create_task(layer.group_add("room", channel))
        await until(lambda: len(held) == 2)
        fake.writers[0].write(confirm([_topic("room").encode()]) + push(b"unsubscribe", _topic("room").encode(), 1))
        done, _ = await asyncio.wait([second], timeout=0.3)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        await layer.close()
    assert not done, "Redis has confirmed the first SUBSCRIBE and the UNSUBSCRIBE only"


@pytest.mark.asyncio
async def test_a_full_queue_tells_of_the_gap_once() -> None:
    async with FakeRedis(ordinary) as fake:
        layer = RedisLayer(fake.url, capacity=10)
        gaps: list[int] = []
        layer.on_gap = lambda: gaps.append(1)
        channel = await layer.new_channel()
        await layer.group_add("room", channel)
        fake.writers[0].write(push(b"message", _topic("room").encode(), b"\x81\xa4type\xa1t") * 1000)
        await until(lambda: bool(gaps))
        await asyncio.sleep(0.1)
        await layer.close()
    assert len(gaps) < 10, f"{len(gaps)} epochs of the log and as many rounds over all sessions in one turn"


def test_another_loop_can_use_the_layer_after_one_has_ended(redis_server: Redis) -> None:
    """As `async_to_sync(layer.group_send)` in a thread does it each time."""
    layer = RedisLayer(redis_server.url)
    asyncio.run(layer.group_send("g", {"type": "t"}))
    asyncio.run(layer.group_send("g", {"type": "t"}))


@pytest.mark.asyncio
async def test_a_busy_loop_is_not_a_missing_confirmation() -> None:
    held: list[asyncio.StreamWriter] = []

    def answer(words: list[bytes], writer: asyncio.StreamWriter) -> bytes | None:
        reply = ordinary(words, writer)
        if words[0] == b"SUBSCRIBE" and b"room" in words[1] and reply is not None:
            writer.write(reply)
            asyncio.get_running_loop().call_soon(time.sleep, 1.2)
            return None
        return reply

    async with FakeRedis(answer) as fake:
        layer = RedisLayer(fake.url)
        channel = await layer.new_channel()
        try:
            await layer.group_add("room", channel)
        finally:
            await layer.close()


@pytest.mark.asyncio
async def test_partial_replies_and_errors_in_between(redis_server: Redis) -> None:
    stream = [b":1\r\n", b"-NOPERM no\r\n", b":3\r\n"]

    async def trickle(writer: asyncio.StreamWriter) -> None:
        for byte in b"".join(stream):
            writer.write(bytes([byte]))
            await asyncio.sleep(0.001)

    tasks = []

    def answer(words: list[bytes], writer: asyncio.StreamWriter) -> bytes | None:
        if words[0] == b"PUBLISH" and words[1] == b"c":
            tasks.append(asyncio.create_task(trickle(writer)))
        return None

    async with FakeRedis(answer) as fake:
        wire = await RedisWire.open(fake.url)
        answers = await soon(asyncio.gather(*(wire.ask("PUBLISH", n, "x") for n in "abc"), return_exceptions=True))
        wire.close()
    assert answers[0] == 1
    assert isinstance(answers[1], ConnectionError)
    assert answers[2] == 3


@pytest.mark.asyncio
async def test_lost_between_ask_and_flush(redis_server: Redis) -> None:
    wire = await RedisWire.open(redis_server.url)
    wire._transport.abort()
    with pytest.raises(ConnectionError):
        await soon(wire.ask("PUBLISH", "a", "b"))
    with pytest.raises(ConnectionError):
        await soon(wire.ask("PUBLISH", "a", "b"))


@pytest.mark.asyncio
async def test_unix_and_passwords(tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    process = subprocess.Popen(
        [program(), "--port", "0", "--unixsocket", str(path), "--requirepass", "pä ss/@:", "--save", ""],
        cwd=tmp_path, stdout=subprocess.DEVNULL,
    )
    try:
        await until(path.exists)
        url = f"unix://:p%C3%A4%20ss%2F%40%3A@{path}?db=2"
        layer = RedisLayer(url)
        channel = await layer.new_channel()
        await layer.send(channel, {"type": "t"})
        assert (await soon(layer.receive(channel)))["type"] == "t"
        await layer.close()
        with pytest.raises(ConnectionError):
            await RedisWire.open(f"unix://:wrong@{path}")
        layer = RedisLayer(f"unix://{path}")
        with pytest.raises(ConnectionError):
            await layer.group_send("g", {"type": "t"})
        await layer.close()
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.asyncio
async def test_tls(redis_server: Redis, tmp_path: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days",
         "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        cwd=tmp_path, check=True, capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", redis_server.port)

        async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            try:
                while data := await source.read(65536):
                    target.write(data)
            except (ConnectionError, ssl.SSLError):
                pass
            target.close()

        await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    base = f"rediss://:{redis_server.password}@127.0.0.1:{port}/0"
    layer = RedisLayer(f"{base}?ssl_ca_certs={tmp_path / 'cert.pem'}")
    channel = await layer.new_channel()
    await layer.send(channel, {"type": "t"})
    assert (await soon(layer.receive(channel)))["type"] == "t"
    await layer.close()
    with pytest.raises(OSError):
        await RedisWire.open(base)
    server.close()
    await asyncio.sleep(0.05)
