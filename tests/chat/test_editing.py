"""Messages that say something else, and messages that are gone."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings
from uuid_utils.compat import uuid7

from accounts.exceptions import Blocked
from accounts.models import User
from accounts.services import block_user
from chat import selectors, services
from chat.models import Attachment, Conversation, Hidden, Membership, Message, Reaction, Revision
from realtime.errors import translate
from realtime.times import iso
from tests.accounts.threads import at_once
from tests.chat.talk import say

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

LINK = {"url": "https://example.com/a.png", "type": "image"}


def edit(actor: User, message: Message, text: str | None = None, **more: Any) -> Message:
    return services.edit_message(actor_id=actor.pk, message_id=message.pk, text=text, **more)


def delete(actor: User, message: Message, for_everyone: bool | None = None) -> None:
    services.delete_message(actor_id=actor.pk, message_id=message.pk, for_everyone=for_everyone)


def history(message: Message) -> list[str]:
    """What it said, the oldest first, and what it says."""
    return [*message.revisions.values_list("text", flat=True), Message.objects.get(pk=message.pk).text]


def seen(reader: User, conversation: Conversation) -> list[str]:
    return [message.text for message in selectors.messages_of(reader.pk, conversation.pk).order_by("position")]


@pytest.fixture
def message(group: Conversation, bob: User) -> Message:
    """Bob's, in the group."""
    return say(group, bob, "one")[0]


# -- editing -------------------------------------------------------------------------------------------------


def test_a_sender_says_it_otherwise_and_what_it_said_is_kept(message: Message, bob: User) -> None:
    first = edit(bob, message, "two")
    assert first.edited_at is not None
    second = edit(bob, message, " three ")
    assert second.edited_at is not None
    assert second.edited_at >= first.edited_at
    assert history(message) == ["one", "two", " three "]


def test_so_many_versions_are_kept_of_a_message_and_no_more(settings: Settings, message: Message, bob: User) -> None:
    settings.CHAT_MAX_REVISIONS = 2
    for text in ("two", "three", "four", "five"):
        edit(bob, message, text)
    assert history(message) == ["three", "four", "five"]


def test_each_edit_is_later_than_the_one_before_though_the_clock_stands_or_goes_back(
    message: Message, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    moments = [edit(bob, message, "two").edited_at]
    for number, seconds in enumerate((0, 0, -60)):
        monkeypatch.setattr(timezone, "now", lambda seconds=seconds: now + timedelta(seconds=seconds))
        moments.append(edit(bob, message, f"more {number}").edited_at)
    shown = [iso(moment) for moment in moments if moment is not None]
    assert shown == sorted(set(shown))
    assert len(shown) == 4


def test_the_same_words_again_change_nothing(message: Message, bob: User) -> None:
    assert edit(bob, message, "one").edited_at is None
    assert history(message) == ["one"]


def test_nobody_else_edits_it_whoever_runs_the_group(message: Message, alice: User, carol: User) -> None:
    with pytest.raises(PermissionDenied):
        edit(alice, message, "two")
    with pytest.raises(Message.DoesNotExist):
        edit(carol, message, "two")
    assert history(message) == ["one"]


def test_who_is_no_member_any_more_edits_nothing(message: Message, group: Conversation, alice: User, bob: User) -> None:
    services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=bob.pk)
    with pytest.raises(Message.DoesNotExist):
        edit(bob, message, "two")
    with pytest.raises(Message.DoesNotExist):
        delete(bob, message)


@pytest.mark.parametrize("for_everyone", [True, False])
def test_what_is_deleted_is_not_edited(message: Message, bob: User, for_everyone: bool) -> None:
    delete(bob, message, for_everyone)
    with pytest.raises(Message.DoesNotExist):
        edit(bob, message, "two")
    with pytest.raises(Message.DoesNotExist):
        services.edit_message(actor_id=bob.pk, message_id=uuid7(), text="two")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "INVALID_PAYLOAD"),
        ("", "INVALID_PAYLOAD"),
        ("  ", "INVALID_PAYLOAD"),
        ("a\x00", "INVALID_PAYLOAD"),
        ("a" * 10_001, "PAYLOAD_TOO_LARGE"),
    ],
)
def test_bad_words_change_nothing(message: Message, bob: User, text: str | None, code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        edit(bob, message, text)
    assert translate(refused.value).code == code
    assert history(message) == ["one"]


def test_a_message_with_attachments_may_lose_its_words(group: Conversation, bob: User) -> None:
    content: Any = {"attachments": [LINK]}
    message = services.send_message(sender_id=bob.pk, conversation_id=group.pk, text="look", **content)
    assert edit(bob, message, "").attachments == [LINK]
    assert history(message) == ["look", ""]


def test_an_encrypted_message_stays_encrypted(message: Message, group: Conversation, bob: User) -> None:
    secret = services.send_message(sender_id=bob.pk, conversation_id=group.pk, ciphertext="AAEC")
    assert edit(bob, secret, ciphertext="AAED").ciphertext == "AAED"
    assert secret.revisions.get().ciphertext == "AAEC"
    for which, words in ((secret, {"text": "plain"}), (message, {"ciphertext": "AAEC"}), (secret, {"ciphertext": ""})):
        with pytest.raises(ValidationError):
            edit(bob, which, **words)


def test_after_the_window_nothing_is_edited(settings: Settings, message: Message, bob: User) -> None:
    settings.CHAT_EDIT_WINDOW = 60
    edit(bob, message, "two")
    Message.objects.update(created_at=timezone.now() - timedelta(seconds=61))
    with pytest.raises(PermissionDenied):
        edit(bob, message, "three")
    settings.CHAT_EDIT_WINDOW = 0
    edit(bob, message, "four")
    assert history(message) == ["one", "two", "four"]


def test_across_a_block_nothing_new_is_said_by_editing(direct: Conversation, alice: User, bob: User) -> None:
    message = say(direct, bob, "one")[0]
    block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    with pytest.raises(Blocked):
        edit(bob, message, "two")
    delete(bob, message)  # but taken back
    assert Message.objects.get().deleted_at


@pytest.mark.django_db(transaction=True)
def test_edits_at_once_are_all_in_the_history(message: Message, bob: User) -> None:
    at_once(*(lambda text=text: edit(bob, message, text) for text in "abcdef"))
    assert sorted(history(message)) == ["a", "b", "c", "d", "e", "f", "one"]
    assert history(message)[0] == "one"


def test_a_temporary_id_says_the_first_message_again_however_it_was_changed(group: Conversation, bob: User) -> None:
    def send(text: str) -> Message:
        return services.send_message(sender_id=bob.pk, conversation_id=group.pk, text=text, temp_id="t1")

    first = send("one")
    edit(bob, first, "two")
    assert (send("one"), send("one").text) == (first, "two")
    delete(bob, first)
    assert send("one") == first
    assert group.messages.count() == 1


# -- deletion for all ----------------------------------------------------------------------------------------


def test_what_its_sender_deletes_is_gone_for_all_but_its_place(
    message: Message, group: Conversation, alice: User, bob: User
) -> None:
    content: Any = {"attachments": [LINK], "mentions": [alice.pk], "reply_to_id": message.pk, "temp_id": "t1"}
    answer = services.send_message(sender_id=bob.pk, conversation_id=group.pk, text="secret", **content)
    edit(bob, answer, "still secret")
    services.add_reaction(user_id=alice.pk, message_id=answer.pk, emoji="\U0001f44d")
    later = say(group, bob, "later")[0]
    delete(bob, answer)
    left = Message.objects.get(pk=answer.pk)
    assert left.deleted_at is not None
    assert (left.text, left.ciphertext, left.attachments, left.mentions) == ("", "", [], [])
    assert (left.reply_to, left.edited_at, left.position, left.temp_id) == (None, None, 2, "t1")
    assert not Revision.objects.exists()
    assert not Reaction.objects.exists()
    for reader in (alice, bob):
        assert seen(reader, group) == ["one", "later"]
        with pytest.raises(Message.DoesNotExist):
            selectors.get_message(reader.pk, answer.pk)
    assert later.position == 3


def test_an_answer_to_a_deleted_message_keeps_what_it_answers(
    message: Message, group: Conversation, alice: User, bob: User
) -> None:
    answer = services.send_message(sender_id=alice.pk, conversation_id=group.pk, text="yes", reply_to_id=message.pk)
    delete(bob, message)
    answer.refresh_from_db()
    assert answer.reply_to_id == message.pk


def test_deleting_again_is_no_error_and_nothing_new(message: Message, bob: User) -> None:
    delete(bob, message)
    at = Message.objects.get().deleted_at
    for for_everyone in (None, True, False):
        delete(bob, message, for_everyone)
    assert Message.objects.get().deleted_at == at
    assert not Hidden.objects.exists()


@pytest.mark.parametrize(("role", "may"), [("owner", True), ("admin", True), ("member", False)])
def test_who_runs_the_group_deletes_for_all_what_others_said(
    message: Message, group: Conversation, alice: User, bob: User, carol: User, role: str, may: bool
) -> None:
    Membership.objects.create(conversation=group, user=carol)
    services.assign_role(conversation_id=group.pk, user_id=carol.pk, role=role)
    if may:
        delete(carol, message, True)
    else:
        with pytest.raises(PermissionDenied):
            delete(carol, message, True)
    assert seen(alice, group) == ([] if may else ["one"])


def test_nobody_runs_a_direct_conversation(direct: Conversation, alice: User, bob: User) -> None:
    message = say(direct, bob, "one")[0]
    with pytest.raises(PermissionDenied):
        delete(alice, message, True)
    assert seen(bob, direct) == ["one"]


def test_neither_a_stranger_nor_who_is_blocked_deletes_anything(
    message: Message, group: Conversation, alice: User, bob: User, carol: User
) -> None:
    block_user(blocker_id=bob.pk, blocked_id=alice.pk)
    for actor in (carol, alice):
        for for_everyone in (None, True, False):
            with pytest.raises(Message.DoesNotExist):
                delete(actor, message, for_everyone)
    with pytest.raises(Message.DoesNotExist):
        services.delete_message(actor_id=bob.pk, message_id=uuid7())
    assert seen(bob, group) == ["one"]


def test_its_files_go_when_the_deletion_is_sure(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, message: Message, bob: User
) -> None:
    file = Attachment(uploader=bob, message=message, name="a.txt", content_type="text/plain", size=1)
    file.file.save("a.txt", ContentFile(b"a"))
    storage, name = file.file.storage, file.file.name
    assert name is not None
    with django_capture_on_commit_callbacks(execute=True):
        delete(bob, message)
        assert storage.exists(name)
    assert not storage.exists(name)
    assert not Attachment.objects.exists()


# -- deletion for oneself ------------------------------------------------------------------------------------


def test_what_one_deletes_for_oneself_the_others_still_see(
    message: Message, group: Conversation, alice: User, bob: User
) -> None:
    delete(alice, message)  # somebody else's: for oneself, if nothing else is said
    assert (seen(alice, group), seen(bob, group)) == ([], ["one"])
    own = say(group, alice, "two")[0]
    for _ in range(2):
        delete(alice, own, False)
    assert (seen(alice, group), seen(bob, group)) == ([], ["one", "two"])
    assert Hidden.objects.count() == 2
    delete(alice, own, True)  # on second thoughts
    assert seen(bob, group) == ["one"]


@pytest.mark.django_db(transaction=True)
def test_a_message_is_hidden_once_however_many_devices_ask(message: Message, alice: User) -> None:
    assert at_once(*[lambda: delete(alice, message)] * 4) == [None] * 4
    assert Hidden.objects.count() == 1


def test_the_history_of_deletions_and_revisions_goes_with_a_conversation(
    message: Message, group: Conversation, alice: User, bob: User
) -> None:
    edit(bob, message, "two")
    delete(alice, message)
    group.delete()
    assert not Message.objects.exists()
    assert not Revision.objects.exists()
    assert not Hidden.objects.exists()


def test_one_hides_a_message_once_in_the_database_too(message: Message, alice: User) -> None:
    delete(alice, message)
    with pytest.raises(IntegrityError), transaction.atomic():
        Hidden.objects.create(message=message, user=alice)


def test_revisions_are_for_members_who_see_the_message(message: Message, alice: User, bob: User, carol: User) -> None:
    edit(bob, message, "two")
    for reader in (alice, bob):
        assert [revision.text for revision in selectors.revisions_of(reader.pk, message.pk)] == ["one"]
    block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    for reader in (alice, carol):
        with pytest.raises(Message.DoesNotExist):
            selectors.revisions_of(reader.pk, message.pk)
