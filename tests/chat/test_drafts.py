"""What may be said: words, ciphertext, attachments, answers and mentions."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from pytest_django import Settings
from uuid_utils.compat import uuid7

from accounts.models import User
from accounts.services import block_user
from chat import services
from chat.models import Attachment, Conversation, Message
from realtime.errors import translate
from tests.accounts.threads import at_once
from tests.chat.files import uploaded

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

LINK = {"url": "https://example.com/a.png", "type": "image"}


def send(sender: User, conversation: Conversation, text: str = "hi", **content: Any) -> Message:
    return services.send_message(sender_id=sender.pk, conversation_id=conversation.pk, text=text, **content)


def refusal(sender: User, conversation: Conversation, text: str = "hi", **content: Any) -> tuple[str, list[str]]:
    """The code, and the fields at fault."""
    with pytest.raises(ValidationError) as refused:
        send(sender, conversation, text, **content)
    assert not conversation.messages.filter(text=text).exists()
    error = translate(refused.value)
    return error.code, list(error.details)


def stored(message: Message) -> Message:
    return Message.objects.get(pk=message.pk)


# -- attachments ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        LINK,
        {"url": "http://localhost:9000/files/a%20b?x=1#y", "type": "file"},
        {"url": "https://example.com/a", "type": "IMAGE/PNG"},
        {"url": "https://example.com/a", "type": "audio/webm;codecs=opus"},
        {"url": "https://example.com/a", "type": "application/vnd.ms-excel"},
        LINK | {"name": "käse \U0001f9c0.png", "size": 0, "width": 640, "height": 480},
    ],
)
def test_a_link_is_kept_as_it_was_given(group: Conversation, bob: User, sent: dict[str, Any]) -> None:
    message = send(bob, group, "", attachments=[sent])
    assert stored(message).attachments == [sent]
    assert stored(message).text == ""


def test_what_is_not_known_of_a_link_is_left_out(group: Conversation, bob: User) -> None:
    thumbnail = "https://example.com/t.png"
    message = send(
        bob, group, attachments=[LINK | {"id": None, "name": None, "size": None, "thumbnail_url": thumbnail}]
    )
    assert stored(message).attachments == [LINK | {"thumbnailUrl": thumbnail}]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"url": "https://example.com/a.png"},
        {"type": "image"},
        {"url": "", "type": "image"},
        {"url": "javascript:alert(1)", "type": "image"},
        {"url": "data:image/png;base64,AAAA", "type": "image"},
        {"url": "ftp://example.com/a.png", "type": "image"},
        {"url": "file:///etc/passwd", "type": "file"},
        {"url": "//example.com/a.png", "type": "image"},
        {"url": "a.png", "type": "image"},
        {"url": "https://", "type": "image"},
        {"url": "https://example.com/a b.png", "type": "image"},
        {"url": "https://example.com/a\x00.png", "type": "image"},
        {"url": "https://example.com/\n", "type": "image"},
        {"url": "https://example.com/" + "a" * 2048, "type": "image"},
        LINK | {"type": ""},
        LINK | {"type": "picture"},
        LINK | {"type": "image/"},
        LINK | {"type": "text/html"},
        LINK | {"type": "image/png\x00"},
        LINK | {"type": "image/png;\x1b"},
        LINK | {"type": "image/" + "a" * 300},
        LINK | {"size": -1},
        LINK | {"width": 2**53},
        LINK | {"name": "a" * 256},
        LINK | {"name": "a\x00"},
        LINK | {"thumbnail_url": "javascript:alert(1)"},
        LINK | {"id": "00000000-0000-0000-0000-000000000000"},
    ],
)
def test_what_is_no_link_to_a_file_is_refused(group: Conversation, bob: User, sent: dict[str, Any]) -> None:
    assert refusal(bob, group, attachments=[sent]) == ("INVALID_PAYLOAD", ["attachments"])


def test_types_of_links_are_a_setting(settings: Settings, group: Conversation, bob: User) -> None:
    settings.CHAT_ATTACHMENT_TYPES = ["image", "text/*"]
    assert len(send(bob, group, attachments=[LINK, LINK | {"type": "text/html"}]).attachments) == 2
    assert refusal(bob, group, text="no", attachments=[LINK | {"type": "video"}]) == (
        "INVALID_PAYLOAD",
        ["attachments"],
    )


def test_a_message_has_as_many_attachments_as_the_setting_says(
    settings: Settings, group: Conversation, bob: User
) -> None:
    assert len(send(bob, group, attachments=[LINK] * 10).attachments) == 10
    assert refusal(bob, group, "more", attachments=[LINK] * 11) == ("INVALID_PAYLOAD", ["attachments"])
    settings.CHAT_MAX_ATTACHMENTS = 1
    assert refusal(bob, group, "two", attachments=[LINK] * 2) == ("INVALID_PAYLOAD", ["attachments"])


@pytest.mark.parametrize("none", [None, [], ()])
def test_a_message_with_nothing_in_it_is_refused(group: Conversation, bob: User, none: Any) -> None:
    assert refusal(bob, group, "", attachments=none) == ("INVALID_PAYLOAD", ["text"])
    assert refusal(bob, group, " \n", attachments=[LINK]) == ("INVALID_PAYLOAD", ["text"])


Made = Callable[..., Attachment]


@pytest.fixture
def upload(bob: User) -> Made:
    """`upload("a.png")`: a file of bob's."""
    return lambda name: uploaded(bob, name=name)


def test_uploaded_files_and_links_stay_in_their_order(group: Conversation, bob: User, upload: Made) -> None:
    first, second = upload("a.png"), upload("b.png")
    message = send(bob, group, "", attachments=[{"id": second.pk}, LINK, {"id": str(first.pk)}])
    assert [one.get("id") for one in stored(message).attachments] == [str(second.pk), None, str(first.pk)]
    assert set(message.files.all()) == {first, second}


def test_a_file_is_sent_once(group: Conversation, direct: Conversation, bob: User, upload: Made) -> None:
    file = upload("a.png")
    assert refusal(bob, group, attachments=[{"id": file.pk}] * 2) == ("INVALID_PAYLOAD", ["attachments"])
    first = send(bob, group, temp_id="t1", attachments=[{"id": file.pk}])
    assert send(bob, group, temp_id="t1", attachments=[{"id": file.pk}]) == first, "a repetition"
    assert refusal(bob, direct, attachments=[{"id": file.pk}]) == ("INVALID_PAYLOAD", ["attachments"])


@pytest.mark.django_db(transaction=True)
def test_devices_that_send_one_temporary_id_with_a_file_at_once_make_one_message(
    group: Conversation, direct: Conversation, bob: User, upload: Made
) -> None:
    file = upload("a.png")

    def device(conversation: Conversation) -> Any:
        return send(bob, conversation, temp_id="t1", attachments=[{"id": file.pk}]).pk

    said = at_once(*(lambda to=to: device(to) for to in [group, direct] * 3))
    assert set(said) == {Message.objects.get().pk}
    assert Message.objects.get().files.get() == file


def test_somebody_elses_file_and_one_that_is_not_there_are_refused(
    group: Conversation, alice: User, upload: Made
) -> None:
    for file in (upload("a.png").pk, uuid7()):
        assert refusal(alice, group, attachments=[{"id": file}]) == ("INVALID_PAYLOAD", ["attachments"])


def test_a_refused_message_claims_no_file_and_leaves_no_gap(group: Conversation, bob: User, upload: Made) -> None:
    file = upload("a.png")
    assert refusal(bob, group, attachments=[{"id": file.pk}, {"id": uuid7()}])[0] == "INVALID_PAYLOAD"
    file.refresh_from_db()
    assert file.conversation is None
    assert send(bob, group).position == 1


# -- ciphertext ----------------------------------------------------------------------------------------------


def test_an_encrypted_message_is_kept_unread(group: Conversation, bob: User) -> None:
    opaque = '{"v": 1, "body": "  AAECAw=="}\n'
    message = stored(send(bob, group, "", ciphertext=opaque, attachments=[LINK]))
    assert (message.text, message.ciphertext, message.attachments) == ("", opaque, [LINK])


@pytest.mark.parametrize(
    ("text", "ciphertext", "code"),
    [
        ("hi", "AAEC", "INVALID_PAYLOAD"),
        (" ", "AAEC", "INVALID_PAYLOAD"),
        ("", "", "INVALID_PAYLOAD"),
        ("", " ", "INVALID_PAYLOAD"),
        ("", "A\x00", "INVALID_PAYLOAD"),
        ("", "A" * 21, "PAYLOAD_TOO_LARGE"),
    ],
)
def test_a_bad_ciphertext_is_refused(
    settings: Settings, group: Conversation, bob: User, text: str, ciphertext: str, code: str
) -> None:
    settings.CHAT_MAX_CIPHERTEXT = 20
    assert refusal(bob, group, text, ciphertext=ciphertext)[0] == code
    assert len(send(bob, group, "", ciphertext="A" * 20).ciphertext) == 20


# -- answers -------------------------------------------------------------------------------------------------


def test_a_message_answers_another_of_the_conversation(group: Conversation, alice: User, bob: User) -> None:
    first = send(alice, group)
    assert stored(send(bob, group, reply_to_id=str(first.pk))).reply_to == first
    assert stored(send(bob, group, reply_to_id=None)).reply_to is None


@pytest.mark.parametrize("which", ["elsewhere", "nowhere", "deleted", "hidden", "of a blocked one"])
def test_what_one_does_not_see_there_is_not_answered(
    group: Conversation, direct: Conversation, alice: User, bob: User, which: str
) -> None:
    message = send(alice, direct if which == "elsewhere" else group, "question")
    if which in {"deleted", "hidden"}:
        actor = alice if which == "deleted" else bob
        services.delete_message(actor_id=actor.pk, message_id=message.pk, for_everyone=which == "deleted")
    elif which == "of a blocked one":
        block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    target = uuid7() if which == "nowhere" else message.pk
    assert refusal(bob, group, reply_to_id=target) == ("INVALID_PAYLOAD", ["replyToId"])


# -- mentions ------------------------------------------------------------------------------------------------


def test_members_are_mentioned_once_each(group: Conversation, alice: User, bob: User) -> None:
    message = send(bob, group, mentions=[alice.pk, str(bob.pk), str(alice.pk).upper()])
    assert stored(message).mentions == [str(alice.pk), str(bob.pk)]


@pytest.mark.parametrize("who", ["stranger", "nobody", "removed"])
def test_nobody_else_is_mentioned(group: Conversation, alice: User, bob: User, carol: User, who: str) -> None:
    if who == "removed":
        services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
        services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    target = uuid7() if who == "nobody" else carol.pk
    assert refusal(bob, group, mentions=[alice.pk, target]) == ("INVALID_PAYLOAD", ["mentions"])


@pytest.mark.parametrize("by_the_other", [False, True])
def test_who_is_parted_by_a_block_is_not_mentioned_in_silence(
    group: Conversation, alice: User, bob: User, carol: User, by_the_other: bool
) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    blocker, blocked = (carol, bob) if by_the_other else (bob, carol)
    block_user(blocker_id=blocker.pk, blocked_id=blocked.pk)
    message = send(bob, group, mentions=[alice.pk, carol.pk])
    assert stored(message).mentions == [str(alice.pk)]


def test_a_message_mentions_as_many_as_the_setting_says(
    settings: Settings, group: Conversation, alice: User, bob: User
) -> None:
    settings.CHAT_MAX_MENTIONS = 1
    assert refusal(bob, group, mentions=[alice.pk, bob.pk]) == ("INVALID_PAYLOAD", ["mentions"])
    assert send(bob, group, mentions=[alice.pk]).mentions == [str(alice.pk)]
