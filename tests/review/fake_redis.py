"""A server that says what the test wants it to say."""

import asyncio
from collections.abc import Callable, Iterable

import hiredis

Reply = bytes | None


class FakeRedis:
    """`answer(words)` gives the bytes for a command; None: nothing. `told` is all that came."""

    def __init__(self, answer: Callable[[list[bytes], asyncio.StreamWriter], Reply]) -> None:
        self.answer = answer
        self.told: list[list[bytes]] = []
        self.writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server

    async def __aenter__(self) -> "FakeRedis":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self.writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        parser = hiredis.Reader()
        try:
            while data := await reader.read(65536):
                parser.feed(data)
                while (words := parser.gets()) is not False:
                    self.told.append(words)
                    if (reply := self.answer(words, writer)) is not None:
                        writer.write(reply)
        except ConnectionError:
            pass


def push(*words: bytes | int) -> bytes:
    parts = [b":%d\r\n" % word if isinstance(word, int) else b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(parts)


def confirm(topics: Iterable[bytes]) -> bytes:
    return b"".join(push(b"subscribe", topic, 1) for topic in topics)


def ordinary(words: list[bytes], _: asyncio.StreamWriter) -> Reply:
    match words[0].upper():
        case b"SUBSCRIBE":
            return confirm(words[1:])
        case b"UNSUBSCRIBE":
            return b"".join(push(b"unsubscribe", topic, 0) for topic in words[1:])
        case b"PUBLISH":
            return b":1\r\n"
        case b"PING":
            return push(b"pong", b"")
    return b"+OK\r\n"
