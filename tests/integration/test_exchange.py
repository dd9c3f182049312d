"""One exchange, on PostgreSQL and on SQLite as `make run` has it."""

from collections.abc import Callable

import pytest

from accounts.models import User
from chat.events import ConversationCreated, MessageNew
from chat.services import create_conversation, send_message
from realtime.testing import Client


@pytest.mark.sqlite
def test_two_people_talk(connect: Callable[..., Client], alice: User, bob: User, carol: User) -> None:
    first, second, stranger = connect(alice), connect(bob), connect(carol)
    conversation = create_conversation(creator_id=alice.pk, kind="direct", members=[bob.pk])
    for client in (first, second):
        assert client.expect(ConversationCreated).id == str(conversation.pk)

    said = {"conversationId": str(conversation.pk), "text": "hello", "tempId": "1"}
    message_id = first.call("message.send", said)["messageId"]
    assert first.call("message.send", said)["messageId"] == message_id
    send_message(sender_id=bob.pk, conversation_id=conversation.pk, text="hi")

    for client in (first, second):
        heard = [client.expect(MessageNew) for _ in range(2)]
        assert [(message.text, message.position) for message in heard] == [("hello", 1), ("hi", 2)]
        client.hears_nothing(MessageNew)
    stranger.hears_nothing()
