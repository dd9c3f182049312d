"""One conversation of all kinds of clients: two families and the plain wire, on every transport, over two processes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from accounts.models import User
from accounts.tokens import access_token
from chat import services
from chat.models import Conversation, Message
from realtime.testing import Client
from tests.integration.clients import Heard, PythonClient, SocketIOClient, in_order
from tests.integration.conftest import Site, pair
from tests.integration.javascript import TRANSPORTS, JavaScriptClient

COUNT = 12  # messages of each; 30 a minute are allowed


class Voice(Protocol):
    """Somebody who talks."""

    def say(self, text: str) -> None:
        """Send a message; wait for nothing."""

    def heard(self, total: int) -> tuple[list[str], list[str]]:
        """The texts of so many messages; and the same, in which what was acknowledged stands as `ack of TEXT`."""

    def hears_no_more(self) -> None:
        """Nothing is under way."""


@dataclass
class Plain:
    """The plain wire."""

    client: Client
    room: str

    def say(self, text: str) -> None:
        self.client.send("message.send", {"conversationId": self.room, "text": text}, id=text)

    def heard(self, total: int) -> tuple[list[str], list[str]]:
        texts: list[str] = []
        everything: list[str] = []
        while len(texts) < total:
            frame = self.client.receive()
            if frame["event"] == "message.new":
                texts.append(frame["data"]["text"])
                everything.append(texts[-1])
            elif frame["event"] == "reply":
                assert frame["ok"], frame
                everything.append(f"ack of {frame['id']}")
        return texts, everything

    def hears_no_more(self) -> None:
        self.client.hears_nothing("message.new")


@dataclass
class Groups:
    """The family that brings its token with the handshake."""

    client: SocketIOClient
    room: str
    news = "newMessage"

    def say(self, text: str) -> None:
        self.client.ask("sendMessage", {"groupId": self.room, "text": text, "tempId": text})

    def heard(self, total: int) -> tuple[list[str], list[str]]:
        def is_all(found: list[Heard]) -> bool:
            is_answered = sum(map(self.is_ack, found)) == COUNT
            return is_answered and sum(heard.name == self.news for heard in found) >= total

        found = list(in_order(self.client, until=is_all))
        everything = [
            f"ack of {self.acknowledged(one)}" if self.is_ack(one) else str(one.payload["text"])
            for one in found
            if self.is_ack(one) or one.name == self.news
        ]
        return [text for text in everything if not text.startswith("ack of ")], everything

    def hears_no_more(self) -> None:
        self.client.hears_nothing(self.news, "error")

    def is_ack(self, heard: Heard) -> bool:
        """Whether this answers `say`."""
        return heard.on == "ack"

    def acknowledged(self, ack: Heard) -> Any:
        """What it answers."""
        return ack.payload["tempId"]


class Messenger(Groups):
    """The family that logs in by an event, and joins rooms."""

    news = "message-new"

    def __init__(self, client: SocketIOClient, room: str, user: User) -> None:
        super().__init__(client, room)
        client.emit("auth", access_token(user))
        assert client.expect("auth-success") == {"userId": str(user.pk)}
        client.emit("join-room", room)
        assert client.expect("room-joined") == {"conversationId": room}

    def say(self, text: str) -> None:
        self.client.emit("send-message", {"conversationId": self.room, "text": text, "tempId": text})

    def is_ack(self, heard: Heard) -> bool:
        return heard.name == "message-ack"

    def acknowledged(self, ack: Heard) -> Any:
        return ack.arguments[0]


@pair
def test_every_kind_of_client_hears_each_message_once_and_in_one_order(
    site: Site,
    join: Callable[..., Client],
    javascript: Callable[..., JavaScriptClient],
    python: Callable[..., PythonClient],
    person: Callable[..., User],
    group: Conversation,
    alice: User,
    bob: User,
    carol: User,
) -> None:
    first, second = site.servers
    dora, emil, fred, gina = map(person, ("dora", "emil", "fred", "gina"))
    for user in (dora, emil, fred, gina):
        services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=user.pk)
    room = str(group.pk)
    speakers: list[Voice] = [
        Groups(javascript(first, alice), room),
        Messenger(javascript(second, **TRANSPORTS["websocket"]), room, bob),
        Groups(javascript(second, carol, **TRANSPORTS["polling"]), room),
        Messenger(javascript(first, **TRANSPORTS["polling"]), room, dora),
        Messenger(python(second), room, emil),
        Groups(python(first, fred, transports=["websocket"]), room),
        Plain(join(second, gina), room),
    ]
    wires = [speaker.client for speaker in speakers if isinstance(speaker, Groups)]
    for speaker in speakers:
        if isinstance(speaker, Groups) and not isinstance(speaker, Messenger):
            speaker.client.expect("connected")

    def talk(number: int) -> None:
        for count in range(COUNT):
            speakers[number].say(f"{number}-{count}")

    with ThreadPoolExecutor() as threads:
        list(threads.map(talk, range(len(speakers))))

    total = COUNT * len(speakers)
    heard = [speaker.heard(total) for speaker in speakers]
    assert sorted(heard[0][0]) == sorted(Message.objects.values_list("text", flat=True))
    for number, (speaker, (texts, everything)) in enumerate(zip(speakers, heard, strict=True)):
        assert texts == heard[0][0], f"speaker {number} heard another order"
        assert [text for text in texts if text.startswith(f"{number}-")] == [f"{number}-{n}" for n in range(COUNT)]
        for count in range(COUNT):
            assert everything.index(f"ack of {number}-{count}") < everything.index(f"{number}-{count}")
        speaker.hears_no_more()
    transports = [wire.transport for wire in wires]
    assert transports == ["websocket", "websocket", "polling", "polling", "websocket", "websocket"]
