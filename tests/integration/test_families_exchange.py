"""One exchange of each family, on PostgreSQL and on SQLite as `make run` has it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from accounts.models import User
from accounts.tokens import access_token
from chat.models import Conversation
from realtime.testing import Client, Server
from tests.integration.clients import PythonClient
from tests.integration.families import logged_in
from tests.integration.javascript import Driver, JavaScriptClient

pytestmark = pytest.mark.sqlite


@pytest.fixture
def arrive(realtime_server: Server, driver: Driver) -> Iterator[Callable[..., JavaScriptClient]]:
    """`arrive(user, namespace="/ws")` in this process's own server."""
    with ExitStack() as stack:

        def connect(user: User | None = None, namespace: str = "/") -> JavaScriptClient:
            auth = {} if user is None else {"token": access_token(user)}
            url = f"http://{realtime_server.address}{namespace}"
            return stack.enter_context(JavaScriptClient(driver, url, auth=auth))

        yield connect


def test_groups_messenger_and_plain_clients_talk(
    arrive: Callable[..., JavaScriptClient],
    connect: Callable[..., Client],
    realtime_server: Server,
    group: Conversation,
    alice: User,
    bob: User,
    carol: User,
) -> None:
    groups, plain = arrive(alice), connect(carol)
    groups.expect("connected")
    messenger = logged_in(arrive(), bob, group.pk)
    with PythonClient(f"http://{realtime_server.address}", auth={"token": access_token(alice)}) as python:
        room = str(group.pk)
        groups.call("sendMessage", {"groupId": room, "text": "one", "attachments": []})
        messenger.call("send-message", {"conversationId": room, "text": "two", "tempId": "t"})
        plain.call("message.send", {"conversationId": room, "text": "three"})
        python.call("sendMessage", {"groupId": room, "text": "four"})
        texts = ["one", "two", "three", "four"]
        assert [groups.expect("newMessage")["text"] for _ in texts] == texts
        assert [messenger.expect("message-new")["text"] for _ in texts] == texts
        assert [plain.expect("message.new")["text"] for _ in texts] == texts
        assert sorted(python.expect("newMessage")["text"] for _ in texts) == sorted(texts)


def test_social_clients_ask_who_is_online(arrive: Callable[..., JavaScriptClient], alice: User, bob: User) -> None:
    client = arrive(alice, "/ws")
    assert client.expect("connected") == {"userId": str(alice.pk)}
    assert client.call("users.checkOnline", {"userIds": [str(bob.pk)]}) == {"statuses": {str(bob.pk): False}}
    assert client.expect("users.onlineStatus") == {"statuses": {str(bob.pk): False}}


def test_markets_clients_choose_their_rooms(arrive: Callable[..., JavaScriptClient], alice: User) -> None:
    client = arrive(alice)
    client.expect("connected")
    assert client.call("unsubscribe", {"room": "global"})["success"] is True
    assert client.call("getRooms") == [f"user:{alice.pk}"]


def test_operations_clients_are_greeted_with_a_token_or_without(
    arrive: Callable[..., JavaScriptClient], alice: User
) -> None:
    assert arrive(alice, "/realtime").expect("connection:success")["authenticated"] is True
    assert arrive(None, "/realtime").expect("connection:success")["authenticated"] is False


def test_a_lost_client_comes_back(
    arrive: Callable[..., JavaScriptClient], say: Callable[..., None], alice: User
) -> None:
    client = arrive(alice)
    client.happens("connect")
    client.expect("connected")
    client.do("cut")
    say("meanwhile")
    assert client.happens("connect")["recovered"] is True
    assert client.expect("newMessage")["text"] == "meanwhile"
