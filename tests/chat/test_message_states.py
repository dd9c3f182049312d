"""Whatever people do with messages: what each has heard adds up to what each would fetch."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.models import Block, User
from accounts.services import block_user
from chat import selectors, services
from chat.history import page
from chat.models import Conversation, Message
from chat.rooms import ConversationRoom
from chat.serializers import ListedMessageSerializer
from realtime.events import encode
from realtime.intents import Intent
from realtime.publishing import Push
from realtime.rooms import UserRoom
from realtime.transports.socketio.codec import decode_json

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

EMOJIS = ("\U0001f44d", "❤️")


class Device:
    """A client that fetched nothing, since it was there from the beginning."""

    def __init__(self, user: User, conversation: Conversation) -> None:
        self.user_id, self.rooms = str(user.pk), {ConversationRoom(conversation.pk), UserRoom(user.pk)}
        self.messages: dict[str, dict[str, Any]] = {}
        self.positions: dict[str, int] = {}  # also of what is gone
        self.read: dict[str, int] = {}

    def hear(self, push: Push) -> None:
        if push.rooms not in self.rooms or self.user_id in map(str, push.exclude):
            return
        data = decode_json(encode(push.event))
        match push.event.wire:
            case "message.new":
                assert data["id"] not in self.messages
                self.messages[data["id"]] = data
                self.positions[data["id"]] = data["position"]
            case "message.edited" if (known := self.messages.get(data["id"])) is not None:
                if data["editedAt"] > (known["editedAt"] or ""):  # of two the later, whichever comes first
                    self.messages[data["id"]] = data | {"reactions": known["reactions"]}
            case "message.deleted":
                del self.messages[data["messageId"]]
            case "message.reaction":
                reactions = self.messages[data["messageId"]]["reactions"]
                one = {"userId": data["userId"], "emoji": data["emoji"]}
                assert (one in reactions) is data["removed"]
                (reactions.remove if data["removed"] else reactions.append)(one)
            case "message.receipt" if data["type"] == "read":
                position, before = self.positions[data["messageId"]], self.read.get(data["userId"], 0)
                assert position > before
                self.read[data["userId"]] = position

    def state(self) -> list[dict[str, Any]]:
        """As a page of REST has it."""
        ordered = sorted(self.messages.values(), key=lambda message: int(message["position"]))
        return [one | {"readBy": self._readers(one)} for one in ordered]

    def _readers(self, message: dict[str, Any]) -> set[str]:
        return {message["senderId"]} | {user for user, upto in self.read.items() if upto >= message["position"]}


def fetched(user: User, conversation: Conversation) -> list[dict[str, Any]]:
    messages = page(selectors.messages_of(user.pk, conversation.pk), url="", limit=200)["results"]
    context = selectors.message_context(user.pk, [conversation.pk])
    shown = decode_json(encode(ListedMessageSerializer(messages, many=True, context=context).data))
    return [one | {"readBy": set(one["readBy"])} for one in shown]


def send(actor: User, group: Conversation, target: Message | None, number: int) -> None:
    answered = target.pk if target is not None and number % 2 else None
    services.send_message(sender_id=actor.pk, conversation_id=group.pk, text=str(number), reply_to_id=answered)


Act = Callable[[User, Message, int], object]
ACTS: dict[str, Act] = {
    "edit": lambda actor, message, number: services.edit_message(
        actor_id=message.sender_id if number % 4 else actor.pk, message_id=message.pk, text=str(number)
    ),
    "delete": lambda actor, message, number: services.delete_message(
        actor_id=actor.pk, message_id=message.pk, for_everyone=(None, True, False)[number % 3]
    ),
    "react": lambda actor, message, number: services.add_reaction(
        user_id=actor.pk, message_id=message.pk, emoji=EMOJIS[number % 2]
    ),
    "unreact": lambda actor, message, number: services.remove_reaction(
        user_id=actor.pk, message_id=message.pk, emoji=EMOJIS[number % 2]
    ),
    "deliver": lambda actor, message, number: services.mark_delivered(user_id=actor.pk, message_id=message.pk),
    "read": lambda actor, message, number: services.mark_read(user_id=actor.pk, message_id=message.pk),
}


def do(name: str, actor: User, group: Conversation, back: int, number: int, published: list[Intent]) -> None:
    """With one of the last messages."""
    newest = list(group.messages.order_by("-position")[: back + 1])
    try:
        if name == "send":
            send(actor, group, newest[-1] if newest else None, number)
        elif newest:
            ACTS[name](actor, newest[-1], number)
    except (ValidationError, PermissionDenied, ObjectDoesNotExist):
        assert published == [], "what is refused is told to nobody"


def tell(intents: list[Intent], devices: list[Device]) -> None:
    for push, device in product(intents, devices):
        if isinstance(push, Push):
            device.hear(push)


steps = st.tuples(
    st.sampled_from(["send", "send", "send", "read", *ACTS]), st.integers(0, 2), st.integers(0, 3), st.integers(0, 9)
)
blocks = st.sampled_from([(), ((0, 1),), ((1, 2),), ((2, 0), (1, 2))])


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # to shrink a script takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(steps, min_size=40, max_size=60), blocks)
def test_what_was_heard_adds_up_to_what_is_fetched(
    alice: User,
    bob: User,
    carol: User,
    published: list[Intent],
    script: list[tuple[str, int, int, int]],
    parted: tuple[tuple[int, int], ...],
) -> None:
    people = [alice, bob, carol]
    Block.objects.all().delete()  # of the example before
    group = services.create_conversation(creator_id=alice.pk, kind="group", members=[bob.pk, carol.pk])
    for blocker, blocked in parted:
        block_user(blocker_id=people[blocker].pk, blocked_id=people[blocked].pk)
    devices = [Device(user, group) for user in people]
    late: list[Intent] = []  # another process has not handed it over yet
    for name, who, back, number in script:
        published.clear()
        do(name, people[who], group, back, number, published)
        if name == "edit" and number % 3:
            late += published
            published.clear()
        tell(published, devices)
    tell(late[::-1], devices)
    for user, device in zip(people, devices, strict=True):
        assert device.state() == fetched(user, group)
