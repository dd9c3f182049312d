"""How far an upload is, told to the others."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings
from uuid_utils.compat import uuid7

from accounts.models import User
from accounts.services import block_user
from chat import services
from chat.events import UploadProgress
from chat.models import Conversation
from realtime.testing import CallError, Client

pytestmark = pytest.mark.django_db(transaction=True)
Connect = Callable[..., Client]


def progress(conversation: Conversation, loaded: int = 1, total: int = 10, **more: Any) -> dict[str, Any]:
    return {"uploadId": "u1", "conversationId": str(conversation.pk), "loaded": loaded, "total": total} | more


def refusal(client: Client, data: dict[str, Any]) -> str:
    with pytest.raises(CallError) as refused:
        client.call("upload.progress", data)
    return str(refused.value.code)


@pytest.mark.sqlite
def test_the_other_members_hear_how_far_it_is(
    connect: Connect, group: Conversation, alice: User, bob: User, carol: User
) -> None:
    phone, laptop, listener, stranger = connect(alice), connect(alice), connect(bob), connect(carol)
    assert phone.call("upload.progress", progress(group, 3)) == {}
    assert listener.expect("upload.progress") == progress(group, 3, userId=str(alice.pk))
    for client in (phone, laptop, stranger):
        client.hears_nothing(UploadProgress)


def test_only_members_tell(connect: Connect, group: Conversation, alice: User, bob: User, carol: User) -> None:
    stranger, listener = connect(carol), connect(bob)
    assert refusal(stranger, progress(group)) == "NOT_FOUND"
    assert refusal(stranger, progress(Conversation(pk=uuid7()))) == "NOT_FOUND"
    services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=bob.pk)
    assert refusal(listener, progress(group)) == "NOT_FOUND"
    listener.hears_nothing(UploadProgress)


@pytest.mark.parametrize("blocks_first", [True, False])
def test_who_is_parted_by_a_block_hears_nothing(
    connect: Connect, group: Conversation, alice: User, bob: User, carol: User, blocks_first: bool
) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    one, other = (alice, bob) if blocks_first else (bob, alice)
    block_user(blocker_id=one.pk, blocked_id=other.pk)
    sender, parted, third = connect(alice), connect(bob), connect(carol)
    sender.call("upload.progress", progress(group))
    third.expect(UploadProgress)
    parted.hears_nothing(UploadProgress)


@pytest.mark.parametrize(
    "change",
    [
        {"loaded": -1},
        {"loaded": 11},
        {"loaded": 1.5},
        {"loaded": "1"},
        {"total": 2**53},
        {"uploadId": ""},
        {"uploadId": "x" * 65},
        {"uploadId": 1},
        {"conversationId": "nonsense"},
        {"userId": "me"},
    ],
)
def test_what_makes_no_sense_is_refused(
    connect: Connect, group: Conversation, alice: User, change: dict[str, Any]
) -> None:
    assert refusal(connect(alice), progress(group) | change) == "INVALID_PAYLOAD"


def test_what_comes_too_fast_is_left_out_but_never_the_end(
    connect: Connect, group: Conversation, alice: User, bob: User, settings: Settings
) -> None:
    settings.CHAT_PROGRESS_RATE = "2/minute"
    sender, listener = connect(alice), connect(bob)
    for loaded in range(1, 11):
        assert sender.call("upload.progress", progress(group, loaded)) == {}
    assert [listener.expect(UploadProgress).loaded for _ in range(3)] == [1, 2, 10]
    listener.hears_nothing(UploadProgress)
    for _ in range(3):  # nor is the end a way around the limit
        sender.call("upload.progress", progress(group, 10))
    assert listener.expect(UploadProgress).loaded == 10
    listener.hears_nothing(UploadProgress)
