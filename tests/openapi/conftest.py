"""A world in which every address has something to show."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from pytest_django import Settings
from schemathesis.schemas import BaseSchema

from accounts import services as accounts
from accounts import tokens
from accounts.models import User
from chat import services
from chat.models import Conversation
from keys import services as keys
from tests.chat.files import picture, uploaded
from tests.keys import material
from tests.openapi.asking import World


@pytest.fixture
def world(alice: User, bob: User, carol: User, settings: Settings, tmp_path: Path) -> World:
    """An id for each name of one, and under `""` the token of somebody who may do much."""
    settings.MEDIA_ROOT = tmp_path
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    group = services.create_conversation(creator_id=alice.pk, kind="group", members=[bob.pk], title="Trip")
    direct = services.create_conversation(creator_id=alice.pk, kind="direct", members=[bob.pk])
    message = _talk(group, alice, bob)
    accounts.block_user(blocker_id=alice.pk, blocked_id=carol.pk)
    for person in (alice, bob):
        keys.put_device(user_id=person.pk, device_id="phone", **material.device())
    call = services.invite_to_call(caller_id=bob.pk, device="phone", conversation_id=direct.pk)
    spare = uploaded(alice, picture(), "red.png")
    pair = tokens.issue(alice)
    ids = {
        **dict.fromkeys(("userId", "senderId", "members", "mentions"), bob.pk),
        **dict.fromkeys(("messageId", "replyToId"), message),
        **dict.fromkeys(("attachmentId", "id"), spare.pk),
        **dict.fromkeys(("deviceId", "deviceIds"), "phone"),
        "conversationId": group.pk,
        "conversation": direct.pk,
        "callId": call.pk,
        "refresh": pair["refresh"],
        "": pair["access"],
    }
    return {name: str(value) for name, value in ids.items()}


def _talk(group: Conversation, alice: User, bob: User) -> UUID:
    """Messages with all that they can have; the id of one of alice's."""
    first = services.send_message(sender_id=bob.pk, conversation_id=group.pk, text="Hello, Alice")
    message = services.send_message(sender_id=alice.pk, conversation_id=group.pk, text="Hello, Bob")
    services.edit_message(actor_id=alice.pk, message_id=message.pk, text="Good morning, Bob")
    services.add_reaction(user_id=bob.pk, message_id=message.pk, emoji="👍")
    services.mark_read(user_id=bob.pk, message_id=first.pk)
    return UUID(str(message.pk))


@pytest.fixture
def one_connection(db: None) -> Iterator[None]:
    """No request gives back the connection that the test's transaction is on."""
    ends = (request_started, request_finished)
    for signal in ends:
        signal.disconnect(close_old_connections)
    yield
    for signal in ends:
        signal.connect(close_old_connections)


@pytest.fixture
def openapi(one_connection: None) -> BaseSchema:
    """The document as it is served, and the application behind it."""
    return schemathesis.openapi.from_wsgi("/api/schema/?format=json", get_wsgi_application())
