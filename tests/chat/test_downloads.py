"""Who gets a file, and how it is served."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core import signing
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient
from uuid_utils.compat import uuid7

from accounts.models import User
from accounts.services import block_user, deactivate_user, log_out_everywhere
from chat import services
from chat.authentication import SALT, link_token
from chat.models import Attachment, Conversation, Hidden, Message
from realtime.times import iso
from tests.accounts.conftest import as_user, error_of
from tests.chat import files
from tests.chat.files import URL, media, opened, photograph, picture, uploaded

__all__ = ["media"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media")]
Person = Callable[..., User]


def sent(user: User, conversation: Conversation, content: bytes = b"hello", name: str = "note.txt") -> Attachment:
    """A file in a message."""
    attachment = uploaded(user, content, name)
    services.send_message(
        sender_id=user.pk, conversation_id=conversation.pk, text="", attachments=[{"id": str(attachment.pk)}]
    )
    attachment.refresh_from_db()
    return attachment


def addresses(attachment: Attachment) -> list[tuple[str, str]]:
    """Every way to learn of a file."""
    base = f"{URL}{attachment.pk}/"
    return [("get", base), ("get", f"{base}file/"), ("get", f"{base}thumbnail/"), ("post", f"{base}link/")]


def statuses(client: APIClient, attachment: Attachment) -> set[int]:
    return {getattr(client, method)(address).status_code for method, address in addresses(attachment)}


def path(url: str) -> str:
    """Of an absolute URL."""
    return url[url.index("/api/") :]


# -- who -------------------------------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_an_upload_is_its_uploaders_alone_until_it_is_sent(
    group: Conversation, alice: User, bob: User, stranger: APIClient
) -> None:
    attachment = uploaded(alice, picture(), conversation_id=group.pk)
    assert statuses(as_user(alice), attachment) == {200}
    assert statuses(as_user(bob), attachment) == {404}
    assert statuses(stranger, attachment) == {401}


@pytest.mark.sqlite
def test_what_is_sent_is_for_the_members(
    group: Conversation, alice: User, bob: User, carol: User, stranger: APIClient
) -> None:
    attachment = sent(alice, group, picture())
    assert statuses(as_user(alice), attachment) == statuses(as_user(bob), attachment) == {200}
    assert statuses(as_user(carol), attachment) == {404}
    assert statuses(stranger, attachment) == {401}
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    assert statuses(as_user(carol), attachment) == {200}
    services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=bob.pk)
    assert statuses(as_user(bob), attachment) == {404}


def test_who_is_no_member_any_more_keeps_what_is_their_own(group: Conversation, alice: User, bob: User) -> None:
    attachment = sent(bob, group, picture())
    services.remove_member(actor_id=alice.pk, conversation_id=group.pk, user_id=bob.pk)
    assert statuses(as_user(bob), attachment) == {200}


@pytest.mark.parametrize("blocks_first", [True, False])
def test_a_block_parts_both_ways(group: Conversation, alice: User, bob: User, carol: User, blocks_first: bool) -> None:
    services.add_member(actor_id=alice.pk, conversation_id=group.pk, user_id=carol.pk)
    attachment = sent(alice, group, picture())
    one, other = (alice, bob) if blocks_first else (bob, alice)
    block_user(blocker_id=one.pk, blocked_id=other.pk)
    assert statuses(as_user(bob), attachment) == {404}
    assert statuses(as_user(alice), attachment) == statuses(as_user(carol), attachment) == {200}


def test_a_message_that_is_deleted_for_all_has_no_file(
    group: Conversation, alice: User, bob: User, media: Path
) -> None:
    attachment = sent(alice, group, picture())
    Message.objects.update(deleted_at=timezone.now())
    assert statuses(as_user(bob), attachment) == {404}


def test_who_deleted_a_message_for_themselves_has_not_its_file(group: Conversation, alice: User, bob: User) -> None:
    attachment = sent(alice, group, picture())
    Hidden.objects.create(message=Message.objects.get(), user=bob)
    assert statuses(as_user(bob), attachment) == {404}
    assert statuses(as_user(alice), attachment) == {200}


def test_what_there_is_not_is_not_found(alice: User) -> None:
    unknown = Attachment(pk=uuid7())
    assert statuses(as_user(alice), unknown) == {404}
    assert error_of(as_user(alice).get(f"{URL}nonsense/file/")) == (404, "NOT_FOUND")


def test_who_asks_for_a_file_costs_few_queries(group: Conversation, alice: User, bob: User) -> None:
    attachment = sent(alice, group, picture())
    client = as_user(bob)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(f"{URL}{attachment.pk}/file/").getvalue()
    assert len(queries) <= 4, [query["sql"] for query in queries]


# -- taking it back --------------------------------------------------------------------------------------------


def test_only_the_uploader_deletes_and_only_what_is_not_sent(
    group: Conversation, alice: User, bob: User, carol: User, media: Path, django_capture_on_commit_callbacks: Any
) -> None:
    unsent, used = uploaded(alice, picture()), sent(alice, group, picture())
    assert error_of(as_user(bob).delete(f"{URL}{unsent.pk}/")) == (404, "NOT_FOUND")
    assert error_of(as_user(bob).delete(f"{URL}{used.pk}/")) == (403, "FORBIDDEN")
    assert error_of(as_user(carol).delete(f"{URL}{used.pk}/")) == (404, "NOT_FOUND")
    assert error_of(as_user(alice).delete(f"{URL}{used.pk}/")) == (409, "CONFLICT")
    assert len(files.stored(media)) == 4
    with django_capture_on_commit_callbacks(execute=True):
        assert as_user(alice).delete(f"{URL}{unsent.pk}/").status_code == 204
    assert len(files.stored(media)) == 2
    assert statuses(as_user(alice), unsent) == {404}


# -- how -------------------------------------------------------------------------------------------------------

INLINE = [
    ("a.png", picture(), "image/png"),
    ("a.jpg", photograph(), "image/jpeg"),
    ("a.gif", files.POLYGLOT, "image/gif"),
    ("a.mp4", files.MP4, "video/mp4"),
    ("a.mp3", files.MP3, "audio/mpeg"),
]
SAVED = [
    ("a.txt", b"hello <script>alert(1)</script>", "text/plain"),
    ("a.pdf", files.PDF, "application/pdf"),
    ("a.zip", files.archive("a.html"), "application/zip"),
]


@pytest.mark.parametrize(("name", "content", "content_type"), INLINE + SAVED)
def test_a_browser_shows_pictures_and_saves_what_it_could_run(
    alice: User, name: str, content: bytes, content_type: str
) -> None:
    response = as_user(alice).get(f"{URL}{uploaded(alice, content, name).pk}/file/")
    assert response.getvalue() == content
    kind = "inline" if (name, content, content_type) in INLINE else "attachment"
    assert response["Content-Disposition"] == f'{kind}; filename="{name}"'
    assert response["Content-Type"] == content_type
    assert response["Content-Length"] == str(len(content))
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"].startswith("default-src 'none'")
    assert response["Content-Security-Policy"].endswith("; sandbox")
    assert response["Cache-Control"] == "private, no-cache"
    assert response["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("content_type", ["image/svg+xml", "text/html", "text/xml", "application/pdf", "text/plain"])
def test_what_a_setting_allows_beside_is_saved_as_well(alice: User, content_type: str) -> None:
    attachment = uploaded(alice)
    Attachment.objects.update(content_type=content_type)
    response = as_user(alice).get(f"{URL}{attachment.pk}/file/")
    assert response["Content-Disposition"].startswith("attachment;")


def test_a_name_does_nothing_in_a_header(alice: User) -> None:
    attachment = uploaded(alice, name='a"\r\nX-Evil: 1\r\n\r\n<Grüße>.txt')
    response = as_user(alice).get(f"{URL}{attachment.pk}/file/")
    assert "X-Evil" not in response.headers
    assert response["Content-Disposition"] == "attachment; filename*=utf-8''a%22X-Evil%3A%201%3CGr%C3%BC%C3%9Fe%3E.txt"


def test_a_thumbnail_is_a_picture_and_only_pictures_have_one(alice: User) -> None:
    client, attachment = as_user(alice), uploaded(alice, photograph(6), "a.jpg")
    response = client.get(f"{URL}{attachment.pk}/thumbnail/", headers={"Accept": "image/webp"})
    assert response["Content-Type"] == "image/webp"
    with opened(response) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("WEBP", (40, 60))
    none = uploaded(alice)
    assert error_of(client.get(f"{URL}{none.pk}/thumbnail/")) == (404, "NOT_FOUND")
    assert client.get(f"{URL}{none.pk}/").json()["thumbnailUrl"] is None
    assert client.post(f"{URL}{none.pk}/link/").json()["thumbnailUrl"] is None


@pytest.mark.parametrize(
    ("asked", "status", "first", "last"),
    [
        ("bytes=0-0", 206, 0, 0),
        ("bytes=10-19", 206, 10, 19),
        ("bytes=10-", 206, 10, 10271),
        ("bytes=-10", 206, 10262, 10271),
        ("bytes=10000-99999", 206, 10000, 10271),
        ("bytes=0-", 200, 0, 10271),
        ("bytes=-99999", 200, 0, 10271),
        ("bytes=0-0,5-6", 200, 0, 10271),
        ("bytes=9-2", 200, 0, 10271),
        ("bytes=-", 200, 0, 10271),
        ("bytes=a-b", 200, 0, 10271),
        ("bytes=\u0661-", 200, 0, 10271),
        ("items=0-5", 200, 0, 10271),
        (f"bytes={'9' * 50}-", 200, 0, 10271),
    ],
)
def test_a_player_may_ask_for_a_range(alice: User, asked: str, status: int, first: int, last: int) -> None:
    assert len(files.MP4) == 10272
    attachment = uploaded(alice, files.MP4, "a.mp4")
    response = as_user(alice).get(f"{URL}{attachment.pk}/file/", headers={"Range": asked})
    assert response.status_code == status
    assert response.getvalue() == files.MP4[first : last + 1]
    assert response["Content-Length"] == str(last + 1 - first)
    assert response.get("Content-Range") == (f"bytes {first}-{last}/10272" if status == 206 else None)
    assert response["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("asked", ["bytes=10272-", "bytes=99999-100000", "bytes=-0"])
def test_a_range_that_the_file_has_not_is_refused(alice: User, asked: str) -> None:
    attachment = uploaded(alice, files.MP4, "a.mp4")
    response = as_user(alice).get(f"{URL}{attachment.pk}/file/", headers={"Range": asked})
    assert error_of(response) == (416, "INVALID_PAYLOAD")
    assert response["Content-Range"] == "bytes */10272"


def test_what_a_browser_has_it_does_not_load_again_but_asks(group: Conversation, alice: User, bob: User) -> None:
    attachment = sent(alice, group, files.MP4, "a.mp4")
    client, url = as_user(bob), f"{URL}{attachment.pk}/file/"
    etag = client.get(url)["ETag"]
    again = client.get(url, headers={"If-None-Match": etag})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
    assert client.get(url, headers={"If-None-Match": '"other"'}).status_code == 200
    assert client.get(url, headers={"Range": "bytes=0-4", "If-Range": etag}).status_code == 206
    assert client.get(url, headers={"Range": "bytes=0-4", "If-Range": '"other"'}).status_code == 200
    block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 404


def test_head_tells_and_sends_nothing(alice: User) -> None:
    attachment = uploaded(alice, files.MP4, "a.mp4")
    response = as_user(alice).head(f"{URL}{attachment.pk}/file/")
    assert (response.status_code, response["Content-Length"], response.content) == (200, "10272", b"")


def test_a_file_that_the_storage_has_lost_is_not_found(alice: User, media: Path) -> None:
    attachment = uploaded(alice, picture())
    for file in files.stored(media):
        file.unlink()
    assert error_of(as_user(alice).get(f"{URL}{attachment.pk}/file/")) == (404, "NOT_FOUND")


def test_nothing_is_served_from_the_folder_of_uploads(alice: User, stranger: APIClient) -> None:
    attachment = uploaded(alice, picture())
    for client in (stranger, as_user(alice)):
        for prefix in ("/media/", "/static/", "/", "/api/media/"):
            assert client.get(prefix + attachment.file.name).status_code == 404


# -- links -----------------------------------------------------------------------------------------------------


def test_a_link_needs_no_token_of_the_header(
    group: Conversation, alice: User, bob: User, stranger: APIClient, settings: Settings
) -> None:
    attachment = sent(alice, group, picture(), "a.png")
    link = as_user(bob).post(f"{URL}{attachment.pk}/link/").json()
    assert link.keys() == {"url", "thumbnailUrl", "expiresAt"}
    assert link["url"].startswith(f"{settings.PUBLIC_URL}{URL}{attachment.pk}/file/?token=")
    assert iso(timezone.now()) < link["expiresAt"] <= iso(timezone.now() + timedelta(seconds=settings.CHAT_LINK_AGE))
    assert stranger.get(path(link["url"])).getvalue() == picture()
    assert stranger.get(path(link["thumbnailUrl"]), headers={"Accept": "image/*"}).status_code == 200


@pytest.fixture
def link(group: Conversation, alice: User, bob: User) -> str:
    """Bob's, to a picture of Alice's."""
    url: str = as_user(bob).post(f"{URL}{sent(alice, group, picture()).pk}/link/").json()["url"]
    return path(url)


def test_a_link_shows_no_more_than_its_owner_may_see(
    group: Conversation, alice: User, bob: User, stranger: APIClient, link: str
) -> None:
    block_user(blocker_id=alice.pk, blocked_id=bob.pk)
    assert error_of(stranger.get(link)) == (404, "NOT_FOUND")


@pytest.mark.parametrize("end", [log_out_everywhere, deactivate_user])
def test_a_link_ends_with_its_owners_tokens(bob: User, stranger: APIClient, link: str, end: Callable[..., Any]) -> None:
    end(user_id=bob.pk)
    assert error_of(stranger.get(link)) == (401, "AUTH_FAILED")


def test_a_link_ends_by_itself(stranger: APIClient, link: str, settings: Settings) -> None:
    settings.CHAT_LINK_AGE = -1
    assert error_of(stranger.get(link)) == (401, "TOKEN_EXPIRED")


def test_a_link_is_for_one_file(group: Conversation, alice: User, bob: User, stranger: APIClient, link: str) -> None:
    other = sent(alice, group, b"secret")
    token = link.partition("?")[2]
    assert error_of(stranger.get(f"{URL}{other.pk}/file/?{token}")) == (401, "AUTH_FAILED")
    assert error_of(stranger.get(f"{URL}{other.pk}/?{token}")) == (401, "AUTH_REQUIRED")
    assert error_of(stranger.get(f"/api/me/?{token}")) == (401, "AUTH_REQUIRED")


@pytest.mark.parametrize("value", ["", "nonsense", "a:b:c", "\x00", "é", "SHORT", "FOREIGN", "STRANGE"])
def test_a_forged_link_is_refused(alice: User, stranger: APIClient, value: str) -> None:
    attachment = uploaded(alice)
    token, _ = link_token(alice, attachment.pk)
    forged = {
        "SHORT": token[:-1],
        "FOREIGN": signing.dumps([attachment.pk.hex, alice.pk.hex, ""], salt="another"),
        "STRANGE": signing.dumps([attachment.pk.hex, str(UUID(int=0)), ""], salt=SALT),
    }.get(value, value)
    response = stranger.get(f"{URL}{attachment.pk}/file/", {"token": forged})
    assert error_of(response) == (401, "AUTH_FAILED")
