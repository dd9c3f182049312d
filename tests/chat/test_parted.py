"""Whoever is parted from somebody, by a block or by a removal, hears and finds nothing, whatever the other does."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from accounts.services import block_user
from chat import services
from chat.models import Conversation
from realtime.testing import CallError, Client
from tests.accounts.conftest import as_user
from tests.chat.talk import say

pytestmark = pytest.mark.django_db(transaction=True)
Connect = Callable[..., Client]
WHYS = ["blocks", "is blocked", "was removed", "was taken out by staff"]

# What bob asks, of his message or of alice's, and what the others hear of it.
ACTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "says": ("message.send", {"conversationId": "GROUP", "text": "secret"}, "message.new"),
    "mentions": ("message.send", {"conversationId": "GROUP", "text": "x", "mentions": ["ALICE"]}, "message.new"),
    "answers": ("message.send", {"conversationId": "GROUP", "text": "x", "replyToId": "HERS"}, "message.new"),
    "edits": ("message.edit", {"messageId": "HIS", "text": "secret"}, "message.edited"),
    "deletes": ("message.delete", {"messageId": "HIS"}, "message.deleted"),
    "reacts": ("message.react", {"messageId": "HERS", "emoji": "\U0001f44d"}, "message.reaction"),
    "gets": ("message.delivered", {"messageId": "HERS"}, "message.receipt"),
    "reads": ("message.read", {"messageId": "HERS"}, "message.receipt"),
    "types": ("typing.start", {"conversationId": "GROUP"}, "typing.started"),
    "appears": ("presence.set", {"status": "busy", "text": "secret"}, "presence.changed"),
    "uploads": (
        "upload.progress",
        {"uploadId": "u", "conversationId": "GROUP", "loaded": 1, "total": 2},
        "upload.progress",
    ),
}


def part(why: str, conversation: Conversation, alice: User, bob: User, carol: User) -> None:
    """Carol from bob, or from all of them."""
    if why == "blocks":
        block_user(blocker_id=carol.pk, blocked_id=bob.pk)
    elif why == "is blocked":
        block_user(blocker_id=bob.pk, blocked_id=carol.pk)
    elif why == "was removed":
        services.remove_member(actor_id=alice.pk, conversation_id=conversation.pk, user_id=carol.pk)
    else:
        conversation.memberships.get(user=carol).delete()


def seen_by(others: list[Client], connect: Connect, user: User) -> Client:
    """A client whose coming the others have heard of."""
    client = connect(user)
    for other in others:
        other.expect("presence.changed", userId=str(user.pk))
    return client


@pytest.fixture
def crowd(group: Conversation, alice: User, carol: User) -> Conversation:
    """Alice's group with bob and carol, who know each other from nowhere else."""
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    return group


@pytest.mark.parametrize("why", WHYS)
def test_nothing_is_heard(connect: Connect, crowd: Conversation, alice: User, bob: User, carol: User, why: str) -> None:
    hers, his = say(crowd, alice, "of alice")[0], say(crowd, bob, "of bob")[0]
    names = {"GROUP": crowd.pk, "ALICE": alice.pk, "HERS": hers.pk, "HIS": his.pk}
    parted = connect(carol)
    witness = seen_by([parted], connect, alice)
    actor = seen_by([parted, witness], connect, bob)
    part(why, crowd, alice, bob, carol)
    parted.hears_nothing("nothing")  # that they are parted has been heard
    parted.inbox.clear()
    for command, data, heard in ACTS.values():
        text = json.dumps(data)
        for name, pk in names.items():
            text = text.replace(f'"{name}"', f'"{pk}"')
        actor.call(command, json.loads(text))
        witness.expect(heard)
        parted.hears_nothing()


@pytest.mark.parametrize("why", ["blocks", "is blocked", "was taken out by staff"])
def test_nobody_is_rung(connect: Connect, alice: User, bob: User, carol: User, why: str) -> None:
    direct = services.create_conversation(creator_id=bob.pk, kind="direct", members=[carol.pk])
    parted = connect(carol)
    actor = seen_by([parted], connect, bob)
    part(why, direct, alice, bob, carol)
    parted.hears_nothing("nothing")
    parted.inbox.clear()
    with pytest.raises(CallError):
        actor.call("call.invite", {"conversationId": str(direct.pk)})
    parted.hears_nothing()


@pytest.mark.parametrize("why", WHYS)
def test_nothing_is_found(connect: Connect, crowd: Conversation, alice: User, bob: User, carol: User, why: str) -> None:
    message = say(crowd, bob, "secret")[0]
    answer = services.send_message(
        sender_id=alice.pk, conversation_id=crowd.pk, text="of alice", mentions=[bob.pk], reply_to_id=message.pk
    )
    services.add_reaction(user_id=bob.pk, message_id=answer.pk, emoji="\U0001f44d")
    services.mark_read(user_id=bob.pk, message_id=answer.pk)
    part(why, crowd, alice, bob, carol)
    client, bobs = as_user(carol), str(bob.pk)
    for address in ("", "reactions/", "revisions/"):
        assert client.get(f"/api/messages/{message.pk}/{address}").status_code == 404
    for address in (f"/api/conversations/{crowd.pk}/messages/", "/api/messages/search/?q=secret"):
        assert "secret" not in client.get(address).content.decode()
    shown = client.get(f"/api/messages/{answer.pk}/")
    if "block" in why:
        assert bobs not in shown.content.decode(), "neither as mentioned, nor reacting, nor reading"
        assert shown.json()["replyToId"] is None
    else:
        assert shown.status_code == client.get(f"/api/conversations/{crowd.pk}/messages/").status_code == 404
    assert client.get(f"/api/users/{bobs}/").status_code == (404 if "block" in why else 200)
