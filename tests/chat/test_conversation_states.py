"""Whoever hands over first: what was heard of a conversation adds up to what is fetched."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.models import User
from chat import selectors, services
from chat.models import Conversation
from chat.rooms import ConversationRoom
from chat.serializers import ConversationSerializer
from realtime.events import encode
from realtime.intents import Intent, Push
from realtime.rooms import Room
from realtime.transports.socketio.codec import decode_json
from tests.chat.crowds import ADMIN, MEMBER, add, change, remove, rename

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


class Device:
    """A client that keeps, of all that is said of the same thing, what has the highest version."""

    def __init__(self, fetched: dict[str, Any]) -> None:
        self.version, self.title, self.roles = fetched["version"], fetched["title"], roles_in(fetched)
        self.since: dict[str, int] = {}  # of members

    def hear(self, push: Push) -> None:
        data = decode_json(encode(push.event))
        match push.event.wire:
            case "conversation.updated" if data["version"] > self.version:
                self.version, self.title, roles = data["version"], data["title"], roles_in(data)
                for user in roles.keys() | self.roles.keys():
                    self._note(user, roles.get(user), data["version"])
            case "conversation.memberAdded" if data["version"] > self.version:
                self._note(data["userId"], data["member"]["role"], data["version"])
            case "conversation.memberRemoved" if data["version"] > self.version:
                self._note(data["userId"], None, data["version"])

    def _note(self, user: str, role: str | None, version: int) -> None:
        if version > self.since.get(user, 0):
            self.since[user] = version
            self.roles |= {user: role or ""}


def roles_in(data: dict[str, Any]) -> dict[str, str]:
    return {member["userId"]: member["role"] for member in data["members"]}


def fetch(user: User, group: Conversation) -> dict[str, Any]:
    shown: dict[str, Any] = ConversationSerializer(selectors.get_conversation(user.pk, group.pk)).data
    return decode_json(encode(shown))  # type: ignore[no-any-return]


def rooms(push: Push) -> list[Room]:
    return [push.rooms] if isinstance(push.rooms, Room) else list(push.rooms)


Act = Callable[[User, Conversation, User, int], object]
ACTS: dict[str, Act] = {
    "rename": lambda owner, group, user, number: rename(owner, group, str(number)),
    "promote": lambda owner, group, user, number: change(owner, group, user, ADMIN),
    "demote": lambda owner, group, user, number: change(owner, group, user, MEMBER),
    "add": lambda owner, group, user, number: add(owner, group, user),
    "remove": lambda owner, group, user, number: remove(owner, group, user),
}


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(st.sampled_from([*ACTS]), st.booleans()), min_size=5, max_size=25), st.randoms())
def test_in_whatever_order_changes_are_handed_over_they_add_up(
    alice: User, bob: User, carol: User, published: list[Intent], script: list[tuple[str, bool]], chance: Random
) -> None:
    group = services.create_conversation(creator_id=alice.pk, kind="group", members=[bob.pk])
    device = Device(fetch(alice, group))
    published.clear()
    for number, (name, is_bob) in enumerate(script):
        user = bob if is_bob else carol
        is_in = group.memberships.filter(user=user).exists()
        if name in {"rename", "add"} or is_in:
            ACTS[name](alice, group, user, number)
    heard = [push for push in published if isinstance(push, Push) and ConversationRoom(group.pk) in rooms(push)]
    chance.shuffle(heard)
    for push in heard:
        device.hear(push)
    fetched = fetch(alice, group)
    assert {user: role for user, role in device.roles.items() if role} == roles_in(fetched)
    assert device.title == fetched["title"]
