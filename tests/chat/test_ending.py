"""A conversation ends: nothing of it is left, and however much was said in it, it costs the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection
from django.db.models import Model
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from chat import services
from chat.events import CallHangup
from chat.models import Attachment, Conversation, Hidden, Message, Reaction, Revision
from realtime.publishing import Intent, Push
from tests.chat.crowds import crowd, end, leave
from tests.chat.files import media, picture, stored, uploaded
from tests.chat.talk import say

__all__ = ["media"]
pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
AROUND = (Attachment, Hidden, Reaction, Revision)


def fill(group: Conversation, people: tuple[User, User], count: int) -> None:
    """So many messages, each with all that a message can have; two of them are answered."""
    first, second = say(group, people[0], "one", "two")
    group.refresh_from_db()
    messages = Message.objects.bulk_create(
        Message(
            conversation=group,
            sender=people[0],
            text="x",
            position=group.last_position + number,
            reply_to=first if number % 2 else second,
        )
        for number in range(1, count + 1)
    )
    Hidden.objects.bulk_create(Hidden(message=message, user=people[1]) for message in messages)
    Reaction.objects.bulk_create(Reaction(message=message, user=people[1], emoji="👍") for message in messages)
    Revision.objects.bulk_create(Revision(message=message, text="y") for message in messages)
    Attachment.objects.bulk_create(
        Attachment(uploader=people[0], conversation=group, message=message, file="", name="z", size=1)
        for message in messages
    )


@contextmanager
def made() -> Iterator[list[Model]]:
    """The rows of messages, and of what is around them, that are taken into memory meanwhile."""
    rows: list[Model] = []

    def note(instance: Model, **_: object) -> None:
        rows.append(instance)

    for model in (Message, *AROUND):
        post_init.connect(note, sender=model)
    try:
        yield rows
    finally:
        for model in (Message, *AROUND):
            post_init.disconnect(note, sender=model)


@pytest.mark.usefixtures("media")
def test_to_end_a_long_conversation_costs_as_much_as_to_end_a_short_one(alice: User, bob: User) -> None:
    costs = []
    for count in (1, 1, 400):  # the first one fills caches
        group = crowd(alice, members=(bob,))
        fill(group, (alice, bob), count)
        with CaptureQueriesContext(connection) as queries, made() as rows:
            end(alice, group)
        costs.append(len(queries))
        assert not rows
    assert costs[1] == costs[2]
    assert not any(model._default_manager.exists() for model in (Conversation, Message, *AROUND))


def test_each_more_who_is_in_it_costs_one_query_that_they_are_told(alice: User, bob: User, carol: User) -> None:
    costs = []
    for members in ((bob,), (bob,), (bob, carol)):
        group = crowd(alice, members=members)
        with CaptureQueriesContext(connection) as queries:
            end(alice, group)
        costs.append(len(queries))
    assert costs[2] == costs[1] + 1


@pytest.mark.parametrize("end_of", ["conversation", "person", "membership"])
def test_a_call_that_rings_there_ends_once(
    direct: Conversation, alice: User, bob: User, published: list[Intent], end_of: str
) -> None:
    services.invite_to_call(caller_id=alice.pk, device="1", conversation_id=direct.pk)
    published.clear()
    if end_of == "conversation":
        services.close_conversation(conversation_id=direct.pk)
    elif end_of == "person":
        bob.delete()
    else:
        direct.memberships.filter(user=bob).delete()
    told = [intent.event for intent in published if isinstance(intent, Push)]
    assert [event.reason for event in told if isinstance(event, CallHangup)] == ["failed"]


def test_nothing_can_belong_to_a_message_that_is_not_tried_here() -> None:
    assert {relation.related_model for relation in Message._meta.related_objects} == {Message, *AROUND}


@pytest.mark.parametrize("road", ["owner", "staff", "last"])
@pytest.mark.django_db(transaction=True)
def test_its_files_go_with_it_and_no_others(alice: User, bob: User, media: Path, road: str) -> None:
    group, other = crowd(alice), crowd(alice, members=(bob,))
    for conversation in (group, other):
        sent, waiting = uploaded(alice, picture(), "red.png"), uploaded(alice, conversation_id=conversation.pk)
        attachments = [{"id": str(sent.pk)}]
        services.send_message(sender_id=alice.pk, conversation_id=conversation.pk, attachments=attachments)
        assert waiting.message is None
    {
        "owner": lambda: end(alice, group),
        "staff": lambda: services.close_conversation(conversation_id=group.pk),
        "last": lambda: leave(alice, group),
    }[road]()
    assert Conversation.objects.get() == other
    assert Message.objects.get().conversation == other
    assert Attachment.objects.filter(conversation=other).count() == Attachment.objects.count() == 2
    assert len(stored(media)) == 3  # two files and a thumbnail
