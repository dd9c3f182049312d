"""What staff see of messages, reactions and files, and what they may take away."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.models import User
from chat import services
from chat.events import MessageDeleted, MessageEdited, MessageReaction
from chat.models import Attachment, Conversation, Message, Reaction
from chat.rooms import ConversationRoom
from realtime.publishing import Intent, Push
from tests.chat.files import media, picture, stored, uploaded
from tests.chat.talk import say

__all__ = ["media"]
pytestmark = [pytest.mark.django_db, pytest.mark.sqlite, pytest.mark.usefixtures("media")]

MODELS = ("message", "reaction", "attachment")
LINK = {"url": "https://example.com/a.png", "type": "image"}


@pytest.fixture
def desk(admin_user: User) -> Client:
    """The browser of somebody who may do everything."""
    return browser(admin_user)


@pytest.fixture
def message(group: Conversation, bob: User) -> Message:
    """Bob's."""
    return say(group, bob, "regretted")[0]


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def staff(user: User, *permissions: str) -> Client:
    """Somebody who may do that alone."""
    user.is_staff = True
    user.save()
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return browser(user)


def page(name: str, *args: object) -> str:
    return reverse(f"admin:chat_{name}", args=args)


def found(client: Client, model: str, **query: str) -> list[Any]:
    """What the list shows."""
    return list(client.get(page(f"{model}_changelist"), query).context["cl"].queryset)


def act(client: Client, action: str, *rows: Any) -> Any:
    """Choose the rows in their list, and the action."""
    body = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    return client.post(page(f"{rows[0]._meta.model_name}_changelist"), body)


def send(sender: User, conversation: Conversation, text: str = "", *files: Attachment, **more: Any) -> Message:
    named = [{"id": str(file.pk)} for file in files]
    return services.send_message(
        sender_id=sender.pk, conversation_id=conversation.pk, text=text, attachments=named, **more
    )


def told(published: list[Intent]) -> list[Any]:
    """The events, and where they go."""
    return [(push.rooms, push.event) for push in published if isinstance(push, Push)]


# -- reading -------------------------------------------------------------------------------------------------


def test_messages_are_found_by_words_sender_and_what_became_of_them(
    desk: Client, group: Conversation, message: Message, alice: User, bob: User
) -> None:
    edited, gone = say(group, alice, "furst", "gone")
    services.edit_message(actor_id=alice.pk, message_id=edited.pk, text="first")
    services.delete_message(actor_id=alice.pk, message_id=gone.pk)
    filed = services.send_message(sender_id=bob.pk, conversation_id=group.pk, text="", attachments=[LINK])
    assert found(desk, "message") == [filed, gone, edited, message]
    assert found(desk, "message", q="regret") == [message]
    assert found(desk, "message", q="alice") == [gone, edited]
    assert found(desk, "message", deleted="yes") == [gone]
    assert found(desk, "message", deleted="no") == [filed, edited, message]
    assert found(desk, "message", edited="yes") == [edited]
    assert found(desk, "message", attachments="yes") == [filed]
    assert found(desk, "message", attachments="no", deleted="no") == [edited, message]
    assert found(desk, "message", created_at__gte="2100-01-01 00:00:00+00:00") == []


def test_a_page_shows_what_a_message_said_before_and_can_change_nothing(
    desk: Client, message: Message, bob: User
) -> None:
    services.edit_message(actor_id=bob.pk, message_id=message.pk, text="otherwise")
    shown = desk.get(page("message_change", message.pk))
    content = shown.content.decode()
    assert "regretted" in content
    assert "otherwise" in content
    assert 'name="_save"' not in content
    assert "revisions-0-text" not in content
    revision = message.revisions.get()
    body = {"text": "forged", "revisions-TOTAL_FORMS": "1", "revisions-INITIAL_FORMS": "1"}
    body |= {"revisions-0-id": str(revision.pk), "revisions-0-text": "forged", "revisions-0-DELETE": "on"}
    assert desk.post(page("message_change", message.pk), body).status_code == 403
    assert (Message.objects.get().text, message.revisions.get().text) == ("otherwise", "regretted")


def test_what_is_encrypted_is_named_so_and_long_texts_are_cut(desk: Client, group: Conversation, bob: User) -> None:
    services.send_message(sender_id=bob.pk, conversation_id=group.pk, ciphertext="AAEC")
    say(group, bob, "x" * 5000)
    content = desk.get(page("message_changelist")).content.decode()
    assert "(encrypted)" in content
    assert "x" * 200 not in content


def test_reactions_and_files_are_found(
    desk: Client, group: Conversation, message: Message, alice: User, bob: User
) -> None:
    reaction = services.add_reaction(user_id=alice.pk, message_id=message.pk, emoji="+1")
    shown, note = uploaded(alice, picture(), "a.png"), uploaded(bob, b"hello", "b.txt")
    send(alice, group, "", shown)
    assert found(desk, "reaction", q="alice") == [reaction] == found(desk, "reaction", q="+1")
    assert found(desk, "reaction", q="bob") == []
    assert found(desk, "attachment") == [note, shown]
    assert found(desk, "attachment", q="a.png") == [shown] == found(desk, "attachment", q="alice")
    assert found(desk, "attachment", kind="image") == [shown] == found(desk, "attachment", sent="yes")
    assert found(desk, "attachment", kind="other") == [note] == found(desk, "attachment", sent="no")
    assert "5\xa0bytes" in desk.get(page("attachment_changelist")).content.decode()


def test_a_file_is_shown_with_the_address_of_the_api_and_not_of_the_storage(desk: Client, alice: User) -> None:
    shown = uploaded(alice, picture(), "a.png")
    content = desk.get(page("attachment_change", shown.pk)).content.decode()
    for part in ("file", "thumbnail"):
        assert f"/api/attachments/{shown.pk}/{part}/" in content
    for file in (shown.file, shown.thumbnail):
        assert file.name not in content
        assert urlsplit(file.url).path not in content


@pytest.mark.parametrize("model", MODELS)
def test_nobody_adds_or_changes_anything(
    desk: Client, group: Conversation, message: Message, alice: User, model: str
) -> None:
    services.add_reaction(user_id=alice.pk, message_id=message.pk, emoji="+1")
    uploaded(alice)
    row = found(desk, model)[0]
    assert desk.get(page(f"{model}_add")).status_code == 403
    assert desk.get(page(f"{model}_change", row.pk)).status_code == 200
    assert desk.post(page(f"{model}_change", row.pk), {"emoji": "-1", "name": "x", "text": "x"}).status_code == 403


def fill(conversation: Conversation, people: list[User]) -> None:
    """An answer, a reaction, a file and an edited message of each."""
    for user in people:
        first = send(user, conversation, "with a file", uploaded(user))
        send(user, conversation, "an answer", reply_to_id=first.pk)
        services.edit_message(actor_id=user.pk, message_id=first.pk, text="edited")
        services.add_reaction(user_id=user.pk, message_id=first.pk, emoji="+1")


def test_lists_take_as_many_queries_however_long_they_are(
    desk: Client, group: Conversation, alice: User, bob: User, person: Callable[..., User]
) -> None:
    def queries() -> list[int]:
        numbers = []
        for model in MODELS:
            with CaptureQueriesContext(connection) as context:
                assert desk.get(page(f"{model}_changelist")).status_code == 200
            numbers.append(len(context))
        return numbers

    fill(group, [alice])
    queries()  # what is cached for good is cached
    few = queries()
    guests = [person(f"guest-{number}") for number in range(5)]
    for guest in guests:
        services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=guest.pk)
        other = services.create_conversation(creator_id=guest.pk, kind="direct", members=[bob.pk])
        fill(other, [guest])
    fill(group, guests)
    assert queries() == few


def test_a_page_takes_as_many_queries_however_often_it_was_edited(desk: Client, message: Message, bob: User) -> None:
    def edit_and_look(times: int) -> int:
        for number in range(times):
            services.edit_message(actor_id=bob.pk, message_id=message.pk, text=f"{times} {number}")
        with CaptureQueriesContext(connection) as context:
            desk.get(page("message_change", message.pk))
        return len(context)

    edit_and_look(1)
    assert edit_and_look(1) == edit_and_look(8)


# -- deleting ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["action", "page"])
def test_staff_delete_for_all_as_the_sender_would_and_clients_hear_it(
    desk: Client, group: Conversation, message: Message, alice: User, bob: User, published: list[Intent], way: str
) -> None:
    services.edit_message(actor_id=bob.pk, message_id=message.pk, text="worse")
    services.add_reaction(user_id=alice.pk, message_id=message.pk, emoji="+1")
    answer = send(alice, group, "why?", reply_to_id=message.pk)
    published.clear()
    if way == "action":
        response = act(desk, "delete_for_all", message)
    else:
        response = desk.post(page("message_delete", message.pk), {"post": "yes"})
    assert response.status_code == 302
    message.refresh_from_db()
    assert (message.text, message.deleted_at is None) == ("", False)
    assert not message.revisions.exists()
    assert not message.reactions.exists()
    assert told(published) == [(ConversationRoom(group.pk), MessageDeleted.of(message, for_everyone=True))]
    assert Message.objects.get(pk=answer.pk).reply_to_id == message.pk
    logged = LogEntry.objects.get(object_id=str(message.pk))
    assert logged.user_id == User.objects.get(username="admin").pk
    assert "worse" not in logged.object_repr


def test_what_was_deleted_is_not_deleted_again(
    desk: Client, message: Message, alice: User, published: list[Intent]
) -> None:
    services.delete_for_all(message_id=message.pk)
    at = Message.objects.get().deleted_at
    published.clear()
    assert act(desk, "delete_for_all", message).status_code == 302
    services.delete_for_all(message_id=message.pk)
    assert (Message.objects.get().deleted_at, told(published)) == (at, [])
    message.conversation.delete()
    with pytest.raises(Message.DoesNotExist):
        services.delete_for_all(message_id=message.pk)


def test_a_message_that_is_deleted_takes_its_files_along(
    desk: Client,
    group: Conversation,
    alice: User,
    media: Path,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    message = send(alice, group, "look", uploaded(alice, picture(), "a.png"))
    assert len(stored(media)) == 2
    with django_capture_on_commit_callbacks(execute=True):
        act(desk, "delete_for_all", message)
    assert (stored(media), Attachment.objects.count()) == ([], 0)


def test_a_reaction_that_staff_delete_is_told(
    desk: Client, group: Conversation, message: Message, alice: User, published: list[Intent]
) -> None:
    reaction = services.add_reaction(user_id=alice.pk, message_id=message.pk, emoji="+1")
    published.clear()
    assert act(desk, "delete_selected", reaction).status_code == 200  # asks
    body = {"action": "delete_selected", "_selected_action": str(reaction.pk), "post": "yes"}
    assert desk.post(page("reaction_changelist"), body).status_code == 302
    [(_, event)] = told(published)
    assert isinstance(event, MessageReaction)
    assert event.removed
    assert not Reaction.objects.exists()


@pytest.mark.parametrize("way", ["action", "page"])
def test_a_file_that_is_deleted_leaves_its_message_with_the_rest(
    desk: Client,
    group: Conversation,
    alice: User,
    media: Path,
    published: list[Intent],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    way: str,
) -> None:
    bad, good = uploaded(alice, picture(), "bad.png"), uploaded(alice, b"hello", "good.txt")
    message = send(alice, group, "look", bad, good)
    published.clear()
    with django_capture_on_commit_callbacks(execute=True):
        if way == "action":
            act(desk, "delete_files", bad)
        else:
            desk.post(page("attachment_delete", bad.pk), {"post": "yes"})
    message.refresh_from_db()
    assert [one["id"] for one in message.attachments] == [str(good.pk)]
    assert message.text == "look"
    assert message.edited_at is not None
    assert [path.name for path in stored(media)] == [Path(good.file.name).name]
    [(room, event)] = told(published)
    assert isinstance(event, MessageEdited)
    assert (room, [one.name for one in event.attachments]) == (ConversationRoom(group.pk), ["good.txt"])


def test_a_message_of_files_alone_is_deleted_with_the_last_of_them(
    desk: Client, group: Conversation, alice: User, published: list[Intent]
) -> None:
    files = [uploaded(alice), uploaded(alice)]
    message = send(alice, group, "", *files)
    published.clear()
    act(desk, "delete_files", *files)
    message.refresh_from_db()
    assert message.deleted_at is not None
    assert [type(event) for _, event in told(published)] == [MessageEdited, MessageDeleted]
    assert not Attachment.objects.exists()


def test_a_file_that_was_never_sent_just_goes(desk: Client, alice: User, published: list[Intent]) -> None:
    file = uploaded(alice)
    act(desk, "delete_files", file)
    assert (Attachment.objects.count(), told(published)) == (0, [])
    with pytest.raises(Attachment.DoesNotExist):
        services.delete_attachment(attachment_id=file.pk)


def test_a_conversation_with_all_that_can_be_in_it_is_still_ended(
    desk: Client, group: Conversation, alice: User, bob: User
) -> None:
    fill(group, [alice, bob])
    services.delete_for_all(message_id=group.messages.earliest("position").pk)
    assert desk.post(page("conversation_delete", group.pk), {"post": "yes"}).status_code == 302
    assert not Conversation.objects.exists()


# -- permissions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_lists_are_for_staff_with_the_permission(message: Message, alice: User, carol: User, model: str) -> None:
    assert browser(alice).get(page(f"{model}_changelist")).status_code == 302
    assert staff(carol).get(page(f"{model}_changelist")).status_code == 403
    assert staff(carol, f"view_{model}").get(page(f"{model}_changelist")).status_code == 200


def test_who_may_only_look_deletes_nothing(message: Message, alice: User, carol: User) -> None:
    file = uploaded(alice)
    reaction = services.add_reaction(user_id=alice.pk, message_id=message.pk, emoji="+1")
    client = staff(carol, *(f"view_{model}" for model in MODELS))
    assert "regretted" in client.get(page("message_change", message.pk)).content.decode()
    for action, row in (("delete_for_all", message), ("delete_files", file), ("delete_selected", reaction)):
        act(client, action, row)
        assert client.post(page(f"{row._meta.model_name}_delete", row.pk), {"post": "yes"}).status_code == 403
        row.refresh_from_db()
    assert message.deleted_at is None


def test_who_may_delete_messages_needs_no_more_for_what_is_under_them(
    message: Message, alice: User, carol: User
) -> None:
    services.add_reaction(user_id=alice.pk, message_id=message.pk, emoji="+1")
    client = staff(carol, "view_message", "delete_message")
    assert client.post(page("message_delete", message.pk), {"post": "yes"}).status_code == 302
    assert Message.objects.get().deleted_at is not None


def test_who_may_delete_files_alone_takes_none_out_of_a_message(
    group: Conversation, alice: User, bob: User, carol: User
) -> None:
    files = ("view_attachment", "delete_attachment")
    message = send(alice, group, "", uploaded(alice))
    [file] = Attachment.objects.all()
    client = staff(carol, *files)
    act(client, "delete_files", file)
    assert client.post(page("attachment_delete", file.pk), {"post": "yes"}).status_code == 403
    message.refresh_from_db()
    assert (message.deleted_at, Attachment.objects.count()) == (None, 1)
    act(staff(bob, *files, "delete_message"), "delete_files", file)
    message.refresh_from_db()
    assert (message.deleted_at is None, Attachment.objects.count()) == (False, 0)
