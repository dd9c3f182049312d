"""A Redis that says what the test wants it to say."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Self

import hiredis

Reply = bytes | None
Answer = Callable[[list[bytes], asyncio.StreamWriter], Reply]


class FakeRedis:
    """`answer` gives the bytes for a command, None: nothing. `told` is all that came."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.told: list[list[bytes]] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.url = ""
        self._server: asyncio.Server
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/0"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self.writers:
            writer.transport.abort()
        await asyncio.gather(*self._serving)

    @property
    def subscriptions(self) -> list[list[bytes]]:
        """The topics of every SUBSCRIBE so far."""
        return [words[1:] for words in self.told if words[0] == b"SUBSCRIBE"]

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        self._serving.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = hiredis.Reader()
        try:
            while data := await reader.read(65536):
                parser.feed(data)
                while (words := parser.gets()) is not False:
                    assert isinstance(words, list)
                    self.told.append(words)
                    if (reply := self.answer(words, writer)) is not None:
                        writer.write(reply)
        except ConnectionError:
            return


def push(*words: bytes | int) -> bytes:
    """What Redis says without having been asked."""
    parts = [b":%d\r\n" % word if isinstance(word, int) else b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(parts)


def confirm(topics: Iterable[bytes]) -> bytes:
    """The answer to SUBSCRIBE."""
    return b"".join(push(b"subscribe", topic, 1) for topic in topics)


def silent(words: list[bytes], _: asyncio.StreamWriter) -> Reply:
    """It takes the connection and says nothing."""
    return None


def ordinary(words: list[bytes], _: asyncio.StreamWriter) -> Reply:
    """As Redis does it."""
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
