"""Files in messages: claimed once, and gone with their message."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import FileSystemStorage
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings
from uuid_utils.compat import uuid7

from accounts.models import User
from chat import services
from chat.models import Attachment, Conversation, Message
from chat.services import attachments as service
from tests.accounts.threads import at_once
from tests.chat.files import media, picture, stored, uploaded

__all__ = ["media"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("media")]


def send(user: User, conversation: Conversation, *attachments: Attachment, **more: Any) -> Message:
    """A message that is nothing but files."""
    named = [{"id": str(attachment.pk)} for attachment in attachments]
    return services.send_message(sender_id=user.pk, conversation_id=conversation.pk, text="", attachments=named, **more)


# -- claiming --------------------------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_a_message_holds_what_its_files_are(group: Conversation, alice: User, settings: Settings) -> None:
    shown, note = uploaded(alice, picture(), "a.png"), uploaded(alice, b"hello", "b.txt")
    message = send(alice, group, note, shown)
    base = f"{settings.PUBLIC_URL}/api/attachments"
    assert message.attachments == [
        {
            "id": str(note.pk),
            "url": f"{base}/{note.pk}/file/",
            "type": "text/plain",
            "name": "b.txt",
            "size": 5,
        },
        {
            "id": str(shown.pk),
            "url": f"{base}/{shown.pk}/file/",
            "type": "image/png",
            "name": "a.png",
            "size": shown.size,
            "width": 60,
            "height": 40,
            "thumbnailUrl": f"{base}/{shown.pk}/thumbnail/",
        },
    ]
    message.refresh_from_db()
    assert {(row.message, row.conversation) for row in message.files.all()} == {(message, group)}
    assert message.files.count() == 2


@pytest.mark.sqlite
def test_a_file_is_sent_once(group: Conversation, alice: User) -> None:
    attachment = uploaded(alice)
    first = send(alice, group, attachment)
    with pytest.raises(ValidationError, match="no unused upload"):
        send(alice, group, attachment)
    with pytest.raises(ValidationError, match="attached once"):
        send(alice, group, *[uploaded(alice)] * 2)
    assert Message.objects.get() == first
    group.refresh_from_db()
    assert group.last_position == 1


def test_of_two_messages_at_the_same_moment_one_gets_the_file(
    group: Conversation, direct: Conversation, alice: User
) -> None:
    both = [uploaded(alice), uploaded(alice)]
    results = at_once(
        *[lambda: send(alice, group, *both), lambda: send(alice, direct, *reversed(both))] * 3,
        lambda: services.delete_upload(uploader_id=alice.pk, attachment_id=both[0].pk),
    )
    sent = [result for result in results if isinstance(result, Message)]
    refused = [result for result in results if isinstance(result, ValidationError | Attachment.DoesNotExist)]
    gone = [result for result in results if result is None]
    assert len(sent) + len(gone) == 1
    assert len(sent) + len(gone) + len(refused) == len(results), results
    assert Message.objects.count() == len(sent)
    assert all(row.message in sent for row in Attachment.objects.all() if row.message or sent)


@pytest.mark.sqlite
def test_the_same_temporary_id_with_the_same_file_is_the_same_message(group: Conversation, alice: User) -> None:
    attachment = uploaded(alice)
    first = send(alice, group, attachment, temp_id="t1")
    assert send(alice, group, attachment, temp_id="t1") == first


def test_only_ones_own_uploads_can_be_sent(group: Conversation, direct: Conversation, alice: User, bob: User) -> None:
    with pytest.raises(ValidationError, match="no unused upload"):
        send(bob, group, uploaded(alice))
    with pytest.raises(ValidationError, match="no unused upload"):
        send(alice, group, Attachment(pk=uuid7()))
    with pytest.raises(ValidationError, match="named by the id"):
        services.send_message(
            sender_id=alice.pk, conversation_id=group.pk, text="", attachments=[{"id": "../../etc/passwd"}]
        )
    elsewhere = uploaded(alice, conversation_id=direct.pk)
    with pytest.raises(ValidationError, match="no unused upload"):
        send(alice, group, elsewhere)
    assert send(alice, direct, elsewhere).files.get() == elsewhere
    assert Message.objects.count() == 1


def test_a_message_that_is_not_kept_keeps_no_file(group: Conversation, alice: User, bob: User) -> None:
    attachment = uploaded(alice)
    with pytest.raises(ValidationError, match="another message"):
        service.bind(Message(pk=uuid7(), sender=bob, attachments=[{"id": str(attachment.pk)}]))
    attachment.refresh_from_db()
    assert attachment.message is None


# -- going -----------------------------------------------------------------------------------------------------


@pytest.fixture
def message(group: Conversation, alice: User, media: Path) -> Message:
    """A picture and a note: three files."""
    message = send(alice, group, uploaded(alice, picture()), uploaded(alice))
    assert len(stored(media)) == 3
    return message


@pytest.mark.sqlite
def test_files_go_with_the_message_that_is_deleted_for_all(message: Message, media: Path) -> None:
    services.delete_files(message)
    assert not stored(media)
    assert not Attachment.objects.exists()


@pytest.mark.sqlite
@pytest.mark.parametrize("what", ["message", "messages", "conversation", "conversations", "rows"])
def test_files_go_with_every_row_that_takes_them_along(
    message: Message, group: Conversation, media: Path, what: str
) -> None:
    deletions: dict[str, Callable[[], object]] = {
        "message": message.delete,
        "messages": Message.objects.all().delete,
        "conversation": group.delete,
        "conversations": Conversation.objects.all().delete,
        "rows": Attachment.objects.all().delete,
    }
    deletions[what]()
    assert not stored(media)


def test_files_stay_if_the_deletion_is_rolled_back(message: Message, media: Path) -> None:
    with transaction.atomic():
        message.delete()
        assert len(stored(media)) == 3  # nothing happens before the commit
        transaction.set_rollback(True)
    assert len(stored(media)) == 3


def test_a_storage_that_is_away_breaks_no_deletion(
    message: Message, media: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    def fail(*_: object) -> None:
        raise ConnectionError("the storage is away")

    with monkeypatch.context() as trouble:
        trouble.setattr(FileSystemStorage, "delete", fail)
        message.delete()
    assert not Message.objects.exists()
    assert len(stored(media)) == 3
    assert "3 stored files without a row removed" in clear("--older-than", "0")
    assert not stored(media)


# -- clear_attachments -----------------------------------------------------------------------------------------


def clear(*words: str) -> str:
    out = StringIO()
    call_command("clear_attachments", *words, stdout=out)
    return out.getvalue()


def aged(attachment: Attachment, **age: float) -> Attachment:
    Attachment.objects.filter(pk=attachment.pk).update(created_at=timezone.now() - timedelta(**age))
    return attachment


@pytest.mark.sqlite
def test_uploads_that_were_never_sent_are_removed_after_a_day(
    message: Message, alice: User, media: Path, settings: Settings
) -> None:
    aged(uploaded(alice, picture()), hours=25)
    young = aged(uploaded(alice), hours=23)
    aged(message.files.earliest("pk"), days=100)
    assert "1 uploads in no message would be removed" in clear("--dry-run")
    assert Attachment.objects.count() == 4
    assert "1 uploads in no message removed" in clear()
    assert set(Attachment.objects.all()) == {young, *message.files.all()}
    assert len(stored(media)) == 4
    assert "0 uploads in no message removed" in clear()


def test_many_are_removed_in_batches_with_progress(
    alice: User, media: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.services.upkeep.BATCH", 2)
    for _ in range(5):
        aged(uploaded(alice), days=2)
    (media / "attachments" / "strange").mkdir()
    for number in range(3):
        (media / "attachments" / "strange" / str(number)).write_bytes(b"x")
    lines = clear("--older-than", "0").splitlines()
    assert lines == [
        "  2 ...",
        "  4 ...",
        "  5 ...",
        "5 uploads in no message removed",
        "  2 ...",
        "  3 ...",
        "3 stored files without a row removed",
    ]
    assert not stored(media)


@pytest.mark.sqlite
def test_files_without_a_row_are_removed_but_no_new_ones_and_no_others(
    message: Message, media: Path, alice: User
) -> None:
    Attachment.objects.filter(pk=message.files.earliest("pk").pk)._raw_delete("default")
    (media / "avatars").mkdir()
    (media / "avatars" / "alice").write_bytes(b"not ours")
    assert "0 stored files" in clear()  # they may be of an upload that is under way
    assert "2 stored files without a row would be removed" in clear("--older-than", "0", "--dry-run")
    assert len(stored(media)) == 4
    assert "2 stored files without a row removed" in clear("--older-than", "0")
    assert len(stored(media)) == 2


def test_nothing_stored_yet_is_nothing_to_clear(media: Path) -> None:
    assert clear().splitlines() == ["0 uploads in no message removed", "0 stored files without a row removed"]


def test_a_wrong_age_is_refused() -> None:
    with pytest.raises(CommandError, match="0 or more"):
        clear("--older-than", "-1")


def test_the_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("clear_attachments", "--help")
    assert "Example: manage.py clear_attachments --dry-run" in capsys.readouterr().out
