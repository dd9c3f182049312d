"""Every command of the chat that writes, tells others or asks much has a rate, and REST shares it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as project
from uuid_utils.compat import uuid7

from accounts.models import User
from chat.models import Conversation, Message
from realtime.limits import limits, rate
from realtime.testing import CallError, Client
from tests.accounts.conftest import as_user, error_of
from tests.chat.talk import say

pytestmark = pytest.mark.django_db(transaction=True)
Connect = Callable[..., Client]
RATES = {
    "message.edit": project.CHAT_EDIT_RATE,
    "message.delete": project.CHAT_EDIT_RATE,
    "message.react": project.CHAT_EDIT_RATE,
    "message.delivered": project.CHAT_RECEIPT_RATE,
    "message.read": project.CHAT_RECEIPT_RATE,
    "typing.start": project.CHAT_TYPING_RATE,
    "typing.stop": project.CHAT_TYPING_RATE,
    "presence.set": project.PRESENCE_RATE,
    "presence.get": project.PRESENCE_ASK_RATE,
    "users.checkOnline": project.PRESENCE_ASK_RATE,
    "users.onlineCount": project.PRESENCE_ASK_RATE,
}
BESIDE = [
    ("message.edit", "patch", "/api/messages/{message}/", {"text": "two"}),
    ("message.delete", "delete", "/api/messages/{message}/?forEveryone=false", None),
    ("message.react", "post", "/api/messages/{message}/reactions/", {"emoji": "👍"}),
    ("message.react", "delete", "/api/messages/{message}/reactions/", {"emoji": "👍"}),
    ("message.delivered", "post", "/api/messages/{message}/delivered/", None),
    ("message.read", "post", "/api/messages/{message}/read/", None),
    ("presence.set", "put", "/api/me/presence/", {"status": "away"}),
]


@pytest.fixture
def message(group: Conversation, alice: User) -> Message:
    """Alice's, in the group."""
    return say(group, alice, "one")[0]


def spend(user: User, name: str, text: str, *, leave: int) -> None:
    """As so many calls do."""
    for _ in range(rate(text).amount - leave):
        assert limits().hit_sync(text, name, str(user.pk)) is None


def payload(name: str, message: Message) -> dict[str, Any]:
    one = {"messageId": str(message.pk)}
    here = {"conversationId": str(message.conversation_id)}
    payloads: dict[str, dict[str, Any]] = {
        "message.edit": one | {"text": "two"},
        "message.delete": one | {"forEveryone": False},
        "message.react": one | {"emoji": "👍"},
        "message.delivered": one,
        "message.read": one,
        "typing.start": here,
        "typing.stop": here,
        "presence.set": {"status": "away"},
        "presence.get": here,
        "users.checkOnline": {"userIds": [str(message.sender_id)]},
        "users.onlineCount": {},
    }
    return payloads[name]


def require_refusal(client: Client, name: str, data: dict[str, Any]) -> None:
    with pytest.raises(CallError) as refused:
        client.call(name, data)
    assert refused.value.code == "RATE_LIMITED"
    assert 1 <= refused.value.error["retryAfter"] <= 60


@pytest.mark.parametrize("name", RATES)
def test_a_command_has_a_rate_of_its_own_for_each_user(
    connect: Connect, message: Message, alice: User, bob: User, name: str
) -> None:
    spend(alice, name, RATES[name], leave=1)
    client, other, data = connect(alice), connect(bob), payload(name, message)
    client.call(name, data)
    require_refusal(client, name, data)
    client.call("ping")
    if name != "message.edit":
        other.call(name, data)


@pytest.mark.parametrize("name", ["call.accept", "call.reject", "call.hangup"])
def test_what_is_done_with_a_call_has_a_rate_too(connect: Connect, alice: User, name: str) -> None:
    spend(alice, name, project.CHAT_CALL_RATE, leave=0)
    require_refusal(connect(alice), name, {"callId": str(uuid7())})


@pytest.mark.parametrize(("name", "method", "path", "body"), BESIDE)
def test_what_rest_does_counts_with_the_socket(
    connect: Connect, message: Message, alice: User, name: str, method: str, path: str, body: Any
) -> None:
    spend(alice, name, RATES[name], leave=2)
    client, data, ask = connect(alice), payload(name, message), getattr(as_user(alice), method)
    assert ask(path.format(message=message.pk), body).status_code in {200, 201, 204}
    client.call(name, data)
    require_refusal(client, name, data)
    refused = ask(path.format(message=message.pk), body)
    assert error_of(refused) == (429, "RATE_LIMITED")
    assert 1 <= refused.json()["retryAfter"] <= 60


def test_conversations_and_members_are_counted(group: Conversation, alice: User, bob: User, carol: User) -> None:
    asked: list[tuple[str, dict[str, Any]]] = [
        ("/api/conversations/", {"kind": "group", "title": "New", "members": [str(bob.pk)]}),
        (f"/api/conversations/{group.pk}/members/", {"userId": str(carol.pk)}),
    ]
    for path, body in asked:
        answers = [as_user(alice).post(path, body) for _ in range(rate(project.CHAT_CONVERSATION_RATE).amount + 1)]
        assert {answer.status_code for answer in answers[:-1]} == {201}
        assert error_of(answers[-1]) == (429, "RATE_LIMITED")
        assert as_user(alice).get(path).status_code == 200
    assert as_user(bob).post(*asked[0]).status_code == 201
