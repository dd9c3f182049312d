"""Whatever the OpenAPI document allows, and what it does not, is answered by REST and never breaks it.

Schemathesis makes the requests, the whole application answers them: middleware, views, services, signals, database.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.test import TestCase
from hypothesis import HealthCheck, Phase, given, settings
from pytest_django import Settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation.modes import GenerationMode
from schemathesis.schemas import APIOperation, BaseSchema

from accounts import services as accounts
from accounts import tokens
from accounts.models import User
from chat import services
from chat.models import Conversation
from keys import services as keys
from realtime.limits import limits
from tests.chat.files import picture, uploaded
from tests.keys import material

pytestmark = pytest.mark.django_db
SEEN=Counter();OPS={}
EXAMPLES: Final = 10
JSON: Final = "application/json"
DEEP: Final = b"[" * 20_000
World = dict[str, str]
Operation = APIOperation[Any, Any, Any, Any]


@pytest.fixture
def world(alice: User, bob: User, carol: User, settings: Settings, tmp_path: Path) -> World:
    """Somebody who may do much, and an id for each name of one; `""` is her token."""
    settings.MEDIA_ROOT = tmp_path
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    alice.refresh_from_db()
    group = services.create_conversation(creator_id=alice.pk, kind="group", members=[bob.pk], title="Trip")
    direct = services.create_conversation(creator_id=alice.pk, kind="direct", members=[bob.pk])
    message = _talk(group, alice, bob)
    accounts.block_user(blocker_id=alice.pk, blocked_id=carol.pk)
    for person in (alice, bob):
        keys.put_device(user_id=person.pk, device_id="phone", **material.device())
    call = services.invite_to_call(caller_id=bob.pk, device="phone", conversation_id=direct.pk)
    spare = uploaded(alice, picture(), "red.png")
    ids = {
        "conversationId": group.pk,
        "conversation": direct.pk,
        "messageId": message,
        "replyToId": message,
        "attachmentId": spare.pk,
        "id": spare.pk,
        "callId": call.pk,
        "userId": bob.pk,
        "senderId": bob.pk,
        "members": bob.pk,
        "mentions": bob.pk,
    }
    pair = tokens.issue(alice)
    named = {name: str(value) for name, value in ids.items()}
    return named | {"deviceId": "phone", "deviceIds": "phone", "refresh": pair["refresh"], "": pair["access"]}


def _talk(group: Conversation, alice: User, bob: User) -> UUID:
    """Messages with all that they can have; the id of one."""
    first = services.send_message(sender_id=bob.pk, conversation_id=group.pk, text="Hello, Alice")
    message = services.send_message(sender_id=alice.pk, conversation_id=group.pk, text="Hello, Bob")
    services.edit_message(actor_id=alice.pk, message_id=message.pk, text="Good morning, Bob")
    services.add_reaction(user_id=bob.pk, message_id=message.pk, emoji="👍")
    services.mark_read(user_id=bob.pk, message_id=first.pk)
    return message.pk


@pytest.fixture
def one_connection(db: None) -> Iterator[None]:
    """No request gives back the connection with the test's transaction."""
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


def operations(openapi: BaseSchema) -> list[Operation]:
    """All of the document, which must be understood."""
    found = [result.ok() for result in openapi.get_all_operations()]
    assert len(found) > 50
    return found


def test_no_generated_request_breaks_anything(openapi: BaseSchema, world: World) -> None:
    broken = []
    for operation in operations(openapi):
        for mode in GenerationMode:
            try:
                _try(operation, mode, world)
            except Exception as error:  # noqa: BLE001 -- told below, with those of all others
                broken.append((operation.label, mode.name, repr(error)))
    print(SEEN)
    for k,v in OPS.items(): print(k,dict(v))
    for b in broken: print(b)
    assert not broken


def _try(operation: Operation, mode: GenerationMode, world: World) -> None:
    @given(operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def attempt(case: schemathesis.Case) -> None:
        case.path_parameters = _real(case.path_parameters, world)
        case.query = _real(case.query, world)
        case.body = _real(case.body, world)
        with rolled_back():
            response = case.call(headers={"Authorization": f"Bearer {world['']}"})
        SEEN[response.status_code] += 1
        OPS.setdefault(operation.label, Counter())[response.status_code] += 1
        case.validate_response(response, checks=[not_a_server_error])
        check(response.status_code, response.content, case.method)

    attempt()


@contextmanager
def rolled_back() -> Iterator[None]:
    """As a request of its own: what follows a commit is done, and then all is as before."""
    limits.cache_clear()
    with transaction.atomic():
        with TestCase.captureOnCommitCallbacks(execute=True):
            yield
        transaction.set_rollback(True)


def check(status: int, content: bytes, method: str) -> None:
    """An error is told in the one form of all errors."""
    assert status < 500
    if status >= 400 and method.upper() != "HEAD":
        error = json.loads(content)
        assert {"code", "message"} <= set(error) <= {"code", "message", "details", "retryAfter"}
        assert isinstance(error["code"], str) and isinstance(error["message"], str) and error["message"]


def _real(value: Any, world: World, name: str = "") -> Any:
    """The same with the ids that there are, in the place of made up ones; every eighth stays as it is."""
    if isinstance(value, Mapping):
        return {key: _real(part, world, str(key)) for key, part in value.items()}
    if isinstance(value, list):
        return [_real(part, world, name) for part in value]
    return world[name] if name in world and isinstance(value, str) and _is_made_up(value, name) else value


def _is_made_up(value: str, name: str) -> bool:
    try:
        return name in {"deviceId", "deviceIds", "refresh"} or UUID(value).int % 8 > 0
    except ValueError:
        return False
