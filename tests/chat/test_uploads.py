"""Uploading: what a file is, and what is refused."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pytest_django import Settings
from rest_framework.test import APIClient
from uuid_utils.compat import uuid7

from accounts.models import User
from chat import media as kinds
from chat import services
from chat.exceptions import BrokenFile, PictureTooLarge, QuotaExceeded, TypeRefused
from chat.models import Attachment, Conversation
from tests.accounts.conftest import as_user, error_of
from tests.accounts.threads import at_once
from tests.chat import files
from tests.chat.files import URL, media, photograph, picture, put, send, stored, uploaded

__all__ = ["media"]
WARNS = pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # of what is wrong in a picture's notes
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media")]


@pytest.mark.sqlite
def test_an_upload_is_stored_and_described(media: Path, alice: User) -> None:
    response = put(alice, picture(), "Holiday.png")
    attachment = Attachment.objects.get()
    base = f"{django_settings.PUBLIC_URL}/api/attachments/{attachment.pk}"
    assert response.status_code == 201
    assert response.json() == {
        "id": str(attachment.pk),
        "url": f"{base}/file/",
        "type": "image/png",
        "name": "Holiday.png",
        "size": len(picture()),
        "width": 60,
        "height": 40,
        "thumbnailUrl": f"{base}/thumbnail/",
    }
    assert (attachment.uploader, attachment.conversation, attachment.message) == (alice, None, None)
    file, thumbnail = stored(media)
    assert (str(file.relative_to(media)), str(thumbnail.relative_to(media))) == (
        attachment.file.name,
        attachment.thumbnail.name,
    )
    assert file.read_bytes() == picture()
    assert "Holiday" not in str(file)


@pytest.mark.sqlite
def test_the_files_of_a_person_take_so_many_bytes_and_no_more(
    settings: Settings, media: Path, group: Conversation, alice: User, bob: User
) -> None:
    settings.CHAT_UPLOAD_QUOTA = 100
    sent = put(alice, b"x" * 60).json()["id"]
    message = services.send_message(sender_id=alice.pk, conversation_id=group.pk, attachments=[{"id": sent}])
    refused = put(alice, b"x" * 41)
    assert error_of(refused) == (413, "PAYLOAD_TOO_LARGE")
    assert "100 bytes" in refused.json()["message"]
    assert put(alice, b"x" * 40).status_code == put(bob, b"x" * 100).status_code == 201
    services.delete_message(actor_id=alice.pk, message_id=message.pk)
    assert put(alice, b"x" * 60).status_code == 201
    settings.CHAT_UPLOAD_QUOTA = 0  # no limit
    assert put(alice, b"x" * 1000).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_uploads_at_the_same_moment_do_not_pass_the_quota(settings: Settings, media: Path, alice: User) -> None:
    settings.CHAT_UPLOAD_QUOTA = 100
    results = at_once(*[lambda: uploaded(alice, b"x" * 40)] * 6)
    assert sum(isinstance(result, QuotaExceeded) for result in results) == 4, results
    assert Attachment.objects.count() == len(stored(media)) == 2


def test_two_uploads_of_one_file_have_names_of_their_own(media: Path, alice: User) -> None:
    for _ in range(2):
        assert put(alice, b"the same", "same.txt").status_code == 201
    first, second = stored(media)
    assert first.name != second.name


@pytest.mark.parametrize(
    ("name", "content", "content_type", "saved_as"),
    [
        ("a.png", picture("PNG"), "image/png", "a.png"),
        ("a.jpeg", photograph(), "image/jpeg", "a.jpeg"),
        ("a.gif", files.moving("GIF"), "image/gif", "a.gif"),
        ("a.webp", files.moving("WEBP"), "image/webp", "a.webp"),
        ("a.png", files.moving("PNG"), "image/png", "a.png"),
        ("a.avif", picture("AVIF"), "image/avif", "a.avif"),
        ("a.pdf", files.PDF, "application/pdf", "a.pdf"),
        ("a.mp4", files.MP4, "video/mp4", "a.mp4"),
        ("a.webm", files.WEBM, "video/webm", "a.webm"),
        ("a.mp3", files.MP3, "audio/mpeg", "a.mp3"),
        ("a.ogg", files.OGG, "audio/ogg", "a.ogg"),
        ("a.docx", files.DOCX, f"{kinds.OFFICE}wordprocessingml.document", "a.docx"),
        ("a.zip", files.archive("a.txt"), "application/zip", "a.zip"),
        ("a.csv", b"a;b\n1;2\n", "text/plain", "a.csv"),
        ("BM.txt", b"BM is how a bitmap begins, and MZ a program\n", "text/plain", "BM.txt"),
        ("a.txt", "Grüße\n".encode("latin-1"), "text/plain", "a.txt"),
        ("a.txt", b"<3 you all", "text/plain", "a.txt"),
        # a lying name gets the ending of what it is, so that no double-click runs what is in it
        ("a.html", picture("PNG"), "image/png", "a.html.png"),
        ("a.html", b"hello <script>alert(1)</script>", "text/plain", "a.html.txt"),
        ("setup.exe", files.POLYGLOT, "image/gif", "setup.exe.gif"),
        ("a.jar", files.POLYGLOT, "image/gif", "a.jar.gif"),
        ("photo", photograph(), "image/jpeg", "photo.jpg"),
    ],
)
def test_the_type_is_told_by_the_content(
    alice: User, name: str, content: bytes, content_type: str, saved_as: str
) -> None:
    told = put(alice, content, name).json()
    assert (told.get("type"), told.get("name")) == (content_type, saved_as), told


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.svg", files.SVG),
        ("a.png", files.SVG),
        ("a.png", files.HTML),
        ("a.txt", files.HTML),
        ("a.txt", b"\xef\xbb\xbf  \n<script>alert(1)</script>"),
        ("a.xml", b"<?xml version='1.0'?><a/>"),
        ("a.png", b"MZ" + b"\0" * 100),
        ("a.png", b"\x7fELF\x02\x01\x01" + b"\0" * 100),
        ("a.swf", b"FWS\x08" + b"\0" * 40),
        ("a.bin", bytes(range(256))),
        ("a.txt", b"\0" * 100),
    ],
)
def test_what_is_not_allowed_is_refused_whatever_it_calls_itself(
    media: Path, alice: User, name: str, content: bytes
) -> None:
    response = put(alice, content, name)
    assert error_of(response) == (400, "INVALID_PAYLOAD")
    assert "not allowed" in response.json()["details"]["file"][0]
    assert not stored(media)
    assert not Attachment.objects.exists()


def test_which_types_are_allowed_is_a_setting(settings: Settings, alice: User) -> None:
    settings.CHAT_UPLOAD_TYPES = ["image/svg*"]
    assert put(alice, files.SVG, "a.svg").json()["type"] == "image/svg+xml"
    assert error_of(put(alice, picture())) == (400, "INVALID_PAYLOAD")


def halves() -> list[Any]:
    kinds = [("PNG", picture("PNG")), ("JPEG", photograph()), ("GIF", picture("GIF")), ("WEBP", picture("WEBP"))]
    return [pytest.param(content[: len(content) // 2], id=kind) for kind, content in kinds]


@pytest.mark.parametrize("content", [*halves(), b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0" + b"\0" * 50, b"GIF89a\0"])
def test_a_broken_picture_is_refused(media: Path, alice: User, content: bytes) -> None:
    response = put(alice, content, "a.png")
    assert error_of(response) == (400, "INVALID_PAYLOAD")
    assert "broken" in response.json()["details"]["file"][0]
    assert not stored(media)


@pytest.mark.parametrize(
    "content",
    [
        files.bomb(30_000, 30_000),
        files.bomb(10_000, 5_001),
        files.bomb(2**31 - 1, 2**31 - 1),
        files.canvas(16_383, 16_383),
        files.canvas(2**24, 255),
    ],
)
def test_a_decompression_bomb_is_refused_before_it_is_decoded(alice: User, content: bytes) -> None:
    assert len(content) < 300
    assert error_of(put(alice, content, "a.png")) == (400, "INVALID_PAYLOAD")


def test_how_many_pixels_are_too_many_is_a_setting(settings: Settings, alice: User) -> None:
    settings.CHAT_MAX_IMAGE_PIXELS = 60 * 40
    assert put(alice, picture()).status_code == 201
    settings.CHAT_MAX_IMAGE_PIXELS -= 1
    assert "at most 2399 pixels" in put(alice, picture()).json()["details"]["file"][0]


def test_an_empty_file_is_refused(alice: User) -> None:
    assert error_of(put(alice, b"")) == (400, "INVALID_PAYLOAD")


def test_a_file_over_the_limit_is_too_large(settings: Settings, media: Path, alice: User) -> None:
    settings.CHAT_MAX_UPLOAD = 10
    assert put(alice, b"x" * 10).status_code == 201
    assert error_of(put(alice, b"x" * 11)) == (413, "PAYLOAD_TOO_LARGE")
    assert len(stored(media)) == 1


def test_only_users_upload(media: Path, stranger: APIClient) -> None:
    assert error_of(send(stranger, b"hello")) == (401, "AUTH_REQUIRED")
    assert not stored(media)


@pytest.mark.parametrize("body", [{}, {"file": "text"}, {"more": "x"}, {"conversationId": "nonsense"}])
def test_what_is_no_upload_is_refused(alice: User, body: dict[str, str]) -> None:
    assert error_of(as_user(alice).post(URL, body, format="multipart")) == (400, "INVALID_PAYLOAD")
    whole = {"file": BytesIO(b"hello")} | {"more": "x"}
    assert error_of(as_user(alice).post(URL, whole, format="multipart")) == (400, "INVALID_PAYLOAD")


def test_json_is_no_upload(alice: User) -> None:
    response = as_user(alice).post(URL, {"file": "hello"})
    assert (response.status_code, response.json()["code"]) == (415, "INVALID_PAYLOAD")
    broken = as_user(alice).generic("POST", URL, "--x\r\nnonsense", "multipart/form-data; boundary=x")
    assert error_of(broken) == (400, "INVALID_PAYLOAD")


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("../../etc/passwd", "passwd.txt"),
        ("C:\\Windows\\evil.txt", "evil.txt"),
        ("..", "file.txt"),
        ("", "file.txt"),
        (" . ", "file.txt"),
        ("a\r\nSet-Cookie: x.txt", "aSet-Cookie: x.txt"),
        ('q"uote.txt', 'q"uote.txt'),
        ("\u202etxt.exe", "txt.exe.txt"),
        ("Grüße 你好 🌍.txt", "Grüße 你好 🌍.txt"),
        ("x" * 300 + ".txt", "x" * 190 + ".txt"),
        ("a." + "y" * 300, "a." + "y" * 188 + ".txt"),
    ],
)
def test_a_name_is_for_saving_and_for_nothing_else(name: str, cleaned: str) -> None:
    assert kinds.clean_name(name, "text/plain") == cleaned


def test_no_more_than_some_uploads_wait_to_be_sent(settings: Settings, media: Path, alice: User) -> None:
    settings.CHAT_MAX_UNSENT = 2
    first = put(alice).json()["id"]
    assert put(alice).status_code == 201
    refused = put(alice)
    assert error_of(refused) == (409, "CONFLICT")
    assert "2 uploads" in refused.json()["message"]
    assert len(stored(media)) == 2
    assert as_user(alice).delete(f"{URL}{first}/").status_code == 204
    assert put(alice).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_uploads_at_the_same_moment_do_not_pass_that_limit(settings: Settings, media: Path, alice: User) -> None:
    settings.CHAT_MAX_UNSENT = 2
    results = at_once(*[lambda: uploaded(alice)] * 5)
    assert sum(isinstance(result, Attachment) for result in results) == 2 == Attachment.objects.count()
    assert len(stored(media)) == 2


def test_uploads_have_a_rate(settings: Settings, alice: User, bob: User) -> None:
    settings.THROTTLES = settings.THROTTLES | {"upload": "2/minute"}
    client = as_user(alice)
    assert [send(client, b"hello").status_code for _ in range(3)] == [201, 201, 429]
    assert put(bob).status_code == 201


def test_an_upload_can_be_for_one_conversation_of_ones_own(
    group: Conversation, alice: User, carol: User, media: Path
) -> None:
    assert put(alice, conversationId=str(group.pk)).status_code == 201
    assert Attachment.objects.get().conversation == group
    assert error_of(put(carol, conversationId=str(group.pk))) == (404, "NOT_FOUND")
    assert error_of(put(alice, conversationId=str(uuid7()))) == (404, "NOT_FOUND")
    assert len(stored(media)) == 1


def test_what_cannot_be_written_down_leaves_no_file(media: Path, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(Attachment, "save", fail)
    with pytest.raises(OSError, match="full"):
        uploaded(alice, picture())
    assert not stored(media)


# -- pictures --------------------------------------------------------------------------------------------------


def small(attachment: Attachment) -> Image.Image:
    return Image.open(BytesIO(content_of(attachment.thumbnail)))


def content_of(file: Any) -> bytes:
    with file.open() as opened:
        content: bytes = opened.read()
    return content


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_upright(alice: User, orientation: int) -> None:
    attachment = uploaded(alice, photograph(orientation), "a.jpg")
    is_sideways = orientation >= 5
    assert (attachment.width, attachment.height) == ((40, 60) if is_sideways else (60, 40))
    thumbnail = small(attachment).convert("RGB")
    assert thumbnail.size == (attachment.width, attachment.height)
    corner = {1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)}[orientation]
    for x in (0, 1):
        for y in (0, 1):
            pixel = thumbnail.getpixel((x * (thumbnail.width - 1), y * (thumbnail.height - 1)))
            assert isinstance(pixel, tuple)
            assert (pixel[2] > 150) == ((x, y) == corner), (x, y, pixel)


def test_a_thumbnail_tells_neither_the_place_nor_the_camera(alice: User) -> None:
    attachment = uploaded(alice, photograph(6, icc_profile=b"profile of Alice's screen"), "a.jpg")
    content = content_of(attachment.thumbnail)
    assert b"Telephone" not in content
    assert b"Alice" not in content
    thumbnail = Image.open(BytesIO(content))
    assert not thumbnail.getexif()
    assert not {"exif", "icc_profile", "xmp", "gps"} & thumbnail.info.keys()
    assert b"Telephone" in content_of(attachment.file)  # the file itself is as it came


def test_a_thumbnail_is_small_and_keeps_its_shape(settings: Settings, alice: User) -> None:
    settings.CHAT_THUMBNAIL = 100
    attachment = uploaded(alice, picture("JPEG", (3000, 1500)), "a.jpg")
    assert (attachment.width, attachment.height) == (3000, 1500)
    assert small(attachment).size == (100, 50)
    assert small(uploaded(alice, picture("PNG", (5000, 1)), "a.png")).size == (100, 1)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_what_moves_the_first_frame_is_shown(alice: User, kind: str) -> None:
    thumbnail = small(uploaded(alice, files.moving(kind), "a.gif"))
    assert not getattr(thumbnail, "is_animated", False)
    red, _, blue = thumbnail.convert("RGB").getpixel((30, 20))  # type: ignore[misc]
    assert red > 200
    assert blue < 50


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
def test_every_kind_of_pixels_is_understood(alice: User, mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    image = Image.new(mode, (30, 20))
    assert small(uploaded(alice, files.saved(image, kind), "a.png")).size == (30, 20)


def test_what_is_transparent_stays_so(alice: User) -> None:
    thumbnail = small(uploaded(alice, picture(mode="RGBA", colour=(255, 0, 0, 0))))
    assert thumbnail.mode == "RGBA"
    assert thumbnail.getpixel((5, 5))[3] == 0  # type: ignore[index]


@WARNS
def test_broken_notes_of_a_camera_make_no_broken_picture(alice: User) -> None:
    content = picture("JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\xff\xff")
    assert uploaded(alice, content, "a.jpg").width == 60


def mutated(data: st.DataObject) -> bytes:
    content = bytearray(data.draw(st.sampled_from([photograph(6), *map(files.moving, ("PNG", "GIF", "WEBP"))])))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    return bytes(content[: data.draw(st.integers(1, len(content)))])


@WARNS
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_the_bytes_are_they_are_taken_or_refused(data: st.DataObject) -> None:
    content = mutated(data)
    try:
        found = kinds.examine(BytesIO(content))
    except (BrokenFile, TypeRefused, PictureTooLarge):
        return
    assert found.content_type in django_settings.CHAT_UPLOAD_TYPES


@settings(max_examples=300, deadline=None)
@given(head=st.binary(max_size=600) | st.sampled_from([b"PK\3\4", b"\x1aE\xdf\xa3", b"RIFF", b"\0\0\0\x18ftyp"]))
def test_every_beginning_has_a_type(head: bytes) -> None:
    assert "/" in kinds.type_of(head)
