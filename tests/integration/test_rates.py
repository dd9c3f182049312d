"""The rates of the chat hold for the families of Socket.IO clients, over all processes, as on the plain wire."""

from typing import Any

import pytest
from django.conf import settings

from accounts.models import User
from chat import services
from chat.models import Conversation
from realtime.limits import Limits, rate
from tests.integration.conftest import Site, pair
from tests.integration.families import Connect, logged_in
from tests.integration.javascript import JavaScriptClient

pytestmark = pair
MESSENGER = {
    "edit-message": ("message.edit", settings.CHAT_EDIT_RATE),
    "delete-message": ("message.delete", settings.CHAT_EDIT_RATE),
    "react": ("message.react", settings.CHAT_EDIT_RATE),
    "message-delivered": ("message.delivered", settings.CHAT_RECEIPT_RATE),
    "message-seen": ("message.read", settings.CHAT_RECEIPT_RATE),
    "typing-start": ("typing.start", settings.CHAT_TYPING_RATE),
    "typing-stop": ("typing.stop", settings.CHAT_TYPING_RATE),
    "presence-update": ("presence.set", settings.PRESENCE_RATE),
    "get-online-users": ("presence.get", settings.PRESENCE_ASK_RATE),
}
SOCIAL = {
    "users.checkOnline": ("users.checkOnline", settings.PRESENCE_ASK_RATE),
    "users.getOnlineCount": ("users.onlineCount", settings.PRESENCE_ASK_RATE),
}


def spend_all_but_one(site: Site, user: User, name: str, text: str) -> None:
    """As so many calls do, on whatever process."""
    limits = Limits(site.redis)
    for _ in range(rate(text).amount - 1):
        assert limits.hit_sync(text, name, str(user.pk)) is None


def require_one_call(clients: list[JavaScriptClient], name: str, argument: Any) -> None:
    """The one that is left, of two processes."""
    first, second = clients
    assert "error" not in first.call(name, argument)
    refusal = second.call(name, argument)
    assert 1 <= refusal.pop("retryAfter") <= 60
    assert refusal == {"success": False, "error": "Rate limit exceeded", "code": "RATE_LIMITED"}
    second.emit(name, argument)
    assert second.expect("error")["code"] == "RATE_LIMITED"


@pytest.mark.parametrize("name", MESSENGER)
def test_messenger(site: Site, javascript: Connect, group: Conversation, alice: User, name: str) -> None:
    message = services.send_message(sender_id=alice.pk, conversation_id=group.pk, text="one")
    clients = [logged_in(javascript(server), alice, group.pk) for server in site.servers]
    spend_all_but_one(site, alice, *MESSENGER[name])
    argument: Any = {"messageId": str(message.pk), "text": "two", "emoji": "👍", "forEveryone": False}
    if name == "presence-update":
        argument = "away"
    elif name in {"typing-start", "typing-stop", "get-online-users"}:
        argument = str(group.pk)
    require_one_call(clients, name, argument)


def test_groups(site: Site, javascript: Connect, group: Conversation, alice: User, bob: User) -> None:
    message = services.send_message(sender_id=alice.pk, conversation_id=group.pk, text="one")
    clients = [javascript(server, bob) for server in site.servers]
    spend_all_but_one(site, bob, "message.read", settings.CHAT_RECEIPT_RATE)
    require_one_call(clients, "markAsRead", {"messageId": str(message.pk), "groupId": str(group.pk)})


@pytest.mark.parametrize("name", SOCIAL)
def test_social(site: Site, javascript: Connect, alice: User, bob: User, name: str) -> None:
    clients = [javascript(server, alice, namespace="/ws") for server in site.servers]
    spend_all_but_one(site, alice, *SOCIAL[name])
    require_one_call(clients, name, {"userIds": [str(bob.pk)]})
