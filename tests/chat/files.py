"""Real files, made here, and what is needed to upload them."""

import struct
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import ExifTags, Image
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from chat import services
from chat.models import Attachment
from tests.accounts.conftest import as_user

URL = "/api/attachments/"
RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture
def media(settings: Settings, tmp_path: Path) -> Path:
    """An empty folder for what is stored."""
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def stored(media: Path) -> list[Path]:
    """All files in it."""
    return sorted(path for path in media.rglob("*") if path.is_file())


def picture(kind: str = "PNG", size: tuple[int, int] = (60, 40), **options: Any) -> bytes:
    """Red, with a blue corner above on the left."""
    image = Image.new(options.pop("mode", "RGB"), size, options.pop("colour", RED))
    if image.mode == "RGB":
        image.paste(BLUE, (0, 0, size[0] // 3, size[1] // 3))
    return saved(image, kind, **options)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def photograph(orientation: int = 1, **options: Any) -> bytes:
    """A JPEG as telephones make them: lying, with where it was taken."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Model] = "Telephone 7"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (52.0, 30.0, 59.0)
    return picture("JPEG", exif=exif, **options)


def moving(kind: str) -> bytes:
    """Two frames, red and blue."""
    frames = [Image.new("RGB", (60, 40), colour) for colour in (RED, BLUE)]
    return saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100, loop=0)


def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A PNG of few bytes whose header promises very many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def canvas(width: int, height: int) -> bytes:
    """A WebP that promises as much."""
    extended = (
        b"VP8X" + struct.pack("<IB3x", 10, 2) + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    )
    body = b"WEBP" + extended + b"ANIM" + struct.pack("<IIH", 6, 0, 0) + picture("WEBP")[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def archive(*names: str) -> bytes:
    """A ZIP."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            file.writestr(name, "content " * 10)
    return buffer.getvalue()


PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"
MP4 = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41" + bytes(range(256)) * 40
WEBM = b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webmB\x87\x81\x04" + b"\0" * 100
MP3 = b"ID3\x03\0\0\0\0\0\x21" + b"\0" * 100
OGG = b"OggS\0\2" + b"\0" * 22 + b"\x01\x1e\x01vorbis" + b"\0" * 50
SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!DOCTYPE html><html><script>alert(document.cookie)</script></html>"
DOCX = archive("[Content_Types].xml", "_rels/.rels", "word/document.xml")
POLYGLOT = picture("GIF") + b"\n/*<script>alert(1)</script>*/" + archive("META-INF/MANIFEST.MF")


def put(user: User, content: bytes = b"hello", name: str = "note.txt", **more: str) -> Any:
    """Upload over REST."""
    return send(as_user(user), content, name, **more)


def send(client: APIClient, content: bytes, name: str = "note.txt", **more: str) -> Any:
    """The same by a client. What the browser says of the type is always a lie here."""
    file = SimpleUploadedFile(name, content, "image/png")
    return client.post(URL, {"file": file, **more}, format="multipart")


def uploaded(user: User, content: bytes = b"hello", name: str = "note.txt", **more: Any) -> Attachment:
    """Upload by the service."""
    return services.upload(uploader_id=user.pk, file=SimpleUploadedFile(name, content), name=name, **more)


def opened(response: Any) -> Image.Image:
    """The picture in an answer."""
    return Image.open(BytesIO(response.getvalue()))
