"""Moderation while people go on: whatever comes first, nothing is left over and nobody waits for ever."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist, ValidationError

from accounts.models import User
from chat import services
from chat.models import Attachment, Conversation, Message
from tests.accounts.threads import at_once
from tests.chat.files import media, stored, uploaded

__all__ = ["media"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("media")]


def send(sender: User, conversation: Conversation, *files: Attachment) -> Message:
    named: list[Any] = [{"id": str(file.pk)} for file in files]
    return services.send_message(sender_id=sender.pk, conversation_id=conversation.pk, text="", attachments=named)


def test_files_and_their_message_are_deleted_at_once(group: Conversation, alice: User, media: Path) -> None:
    for _ in range(5):
        files = [uploaded(alice), uploaded(alice)]
        message = send(alice, group, *files)
        results = at_once(
            partial(services.delete_for_all, message_id=message.pk),
            partial(services.delete_message, actor_id=alice.pk, message_id=message.pk),
            *[partial(services.delete_attachment, attachment_id=file.pk) for file in files],
        )
        assert all(result is None or isinstance(result, ObjectDoesNotExist) for result in results), results
        message.refresh_from_db()
        assert (message.deleted_at is None, message.attachments) == (False, [])
        assert stored(media) == []


def test_a_file_is_deleted_while_it_is_sent(group: Conversation, alice: User, media: Path) -> None:
    for _ in range(5):
        file = uploaded(alice)
        sent, deleted = at_once(
            partial(send, alice, group, file), partial(services.delete_attachment, attachment_id=file.pk)
        )
        if deleted is not None:  # it was being sent: to be tried again
            assert isinstance(deleted, ValidationError), deleted
            services.delete_attachment(attachment_id=file.pk)
        assert isinstance(sent, Message | ValidationError), sent
        assert not group.messages.filter(deleted_at=None).exists()
        assert stored(media) == []
