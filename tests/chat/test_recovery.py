"""What a device that was away for a moment is told, and what it has to fetch."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from accounts.services import block_user
from chat import services
from chat.models import Conversation, Membership, Message
from realtime import database
from realtime.process import Process
from tests.chat.talk import say
from tests.realtime.conftest import process
from tests.realtime.sockets import Socket
from tests.realtime.test_recovery import back, settled

__all__ = ["process"]

pytestmark = pytest.mark.asyncio

MEMBERS = 60


async def do(action: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
    """In a thread, as REST would."""
    return await database.run(lambda: action(*arguments, **more))


async def away(user: User) -> Socket:
    """A device that has heard everything, and has lost its connection."""
    device = await Socket(user).greeted()
    await settled(device)
    await device.leave()
    return device


async def returned(lost: Socket) -> Socket:
    """It again, with all that it is told."""
    device = await back(lost).greeted()
    await settled(device)
    return device


def is_recovered(device: Socket) -> bool:
    return bool(device.events("connected")[0]["recovered"])


def texts(device: Socket) -> list[str]:
    return [event["text"] for event in device.events("message.new")]


def fill(group: Conversation) -> list[User]:
    """The group has so many members that their receipts are more than the log keeps of a room."""
    count = MEMBERS - group.memberships.count()
    users = User.objects.bulk_create(User(username=f"member{number}") for number in range(count))
    Membership.objects.bulk_create(Membership(conversation=group, user=user) for user in users)
    return users


async def test_the_receipts_of_a_whole_group_push_no_message_out(
    process: Process, group: Conversation, alice: User, bob: User, settings: Settings
) -> None:
    settings.REALTIME = {**settings.REALTIME, "RECOVERY_EVENTS": MEMBERS}
    members = await do(fill, group)
    lost = await away(alice)
    message = (await do(say, group, bob, *"abcdef"))[-1]

    def report() -> None:
        for member in members:
            services.mark_delivered(user_id=member.pk, message_id=message.pk)
            services.mark_read(user_id=member.pk, message_id=message.pk)

    await do(report)
    device = await returned(lost)
    assert is_recovered(device)
    assert texts(device) == list("abcdef")
    told = {(event["userId"], event["type"]) for event in device.events("message.receipt")}
    assert told == {(str(member.pk), kind) for member in members for kind in ("delivered", "read")}


async def test_of_what_somebody_read_one_after_the_other_the_last_receipt_comes(
    process: Process, group: Conversation, alice: User, bob: User
) -> None:
    lost = await away(bob)
    messages: list[Message] = await do(say, group, bob, *"abc")
    for message in messages:
        await do(services.mark_read, user_id=alice.pk, message_id=message.pk)
    device = await returned(lost)
    assert texts(device) == ["a", "b", "c"]
    assert [event["messageId"] for event in device.events("message.receipt")] == [str(messages[-1].pk)]


@pytest.mark.parametrize("by_the_other", [False, True])
async def test_what_was_said_before_a_block_is_not_told_after_it(
    process: Process, group: Conversation, alice: User, bob: User, carol: User, by_the_other: bool
) -> None:
    await do(services.add_member, actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    parted, third = await away(bob), await away(alice)
    await do(say, group, carol, "of carol")
    blocker, blocked = (carol, bob) if by_the_other else (bob, carol)
    await do(block_user, blocker_id=blocker.pk, blocked_id=blocked.pk)
    device, other = await returned(parted), await returned(third)
    assert (is_recovered(device), texts(device)) == (False, [])
    assert (is_recovered(other), texts(other)) == (True, ["of carol"])


async def test_after_a_block_all_that_is_said_from_then_on_is_made_up_for(
    process: Process, group: Conversation, alice: User, bob: User, carol: User
) -> None:
    await do(block_user, blocker_id=bob.pk, blocked_id=carol.pk)
    lost = await away(bob)
    await do(say, group, alice, "later")
    device = await returned(lost)
    assert (is_recovered(device), texts(device)) == (True, ["later"])


async def test_a_text_that_was_deleted_for_all_is_not_told_again(
    process: Process, group: Conversation, direct: Conversation, alice: User, bob: User, carol: User
) -> None:
    lost, elsewhere = await away(bob), await away(carol)
    message, _ = await do(say, group, alice, "regretted", "kept")
    await do(services.delete_message, actor_id=alice.pk, message_id=message.pk)
    device, other = await returned(lost), await returned(elsewhere)
    assert (is_recovered(device), texts(device)) == (False, [])
    assert is_recovered(other), "who is not in that conversation misses nothing"


async def test_who_had_heard_all_before_a_deletion_is_told_of_that_alone(
    process: Process, group: Conversation, direct: Conversation, alice: User, bob: User
) -> None:
    (message,) = await do(say, group, alice, "regretted")
    lost = await away(bob)
    await do(say, direct, alice, "elsewhere")
    await do(services.delete_message, actor_id=alice.pk, message_id=message.pk)
    await do(say, group, alice, "later")
    device = await returned(lost)
    assert (is_recovered(device), texts(device)) == (True, ["elsewhere", "later"])
    assert [event["messageId"] for event in device.events("message.deleted")] == [str(message.pk)]
