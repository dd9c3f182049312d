"""What a file is: by its content, never by its name or by what the client says."""

import re
import unicodedata
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import IO, Any, Final

import filetype  # type: ignore[import-untyped]
from django.conf import settings

from chat.exceptions import TypeRefused
from chat.images import FORMATS, read_picture

SNIFFED: Final = 8192  # bytes at the beginning that tell what a file is
MAX_NAME: Final = 200
MAX_ENDING: Final = 10
UNKNOWN: Final = "application/octet-stream"
TEXT: Final = "text/plain"
OFFICE: Final = "application/vnd.openxmlformats-officedocument."
# As the library says it, and as everybody else does.
ALIASES: Final = {
    "image/apng": "image/png",
    "audio/x-wav": "audio/wav",
    "audio/x-flac": "audio/flac",
    "application/x-rar-compressed": "application/vnd.rar",
}
# The endings of a type, the usual one first. What has another gets the usual one: `page.html` that is a PNG is saved
# as `page.html.png`, and no double-click runs what is in it beside.
ENDINGS: Final[dict[str, tuple[str, ...]]] = {
    "image/png": (".png", ".apng"),
    "image/jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "image/gif": (".gif",),
    "image/webp": (".webp",),
    "image/avif": (".avif",),
    "image/heic": (".heic", ".heif"),
    "video/mp4": (".mp4", ".m4v"),
    "video/x-m4v": (".m4v", ".mp4"),
    "video/webm": (".webm", ".weba"),
    "video/quicktime": (".mov", ".qt"),
    "video/x-matroska": (".mkv", ".mka"),
    "audio/mpeg": (".mp3", ".mpga"),
    "audio/mp4": (".m4a", ".mp4"),
    "audio/aac": (".aac",),
    "audio/ogg": (".ogg", ".oga", ".opus"),
    "audio/wav": (".wav",),
    "audio/flac": (".flac",),
    "audio/amr": (".amr",),
    "application/pdf": (".pdf",),
    "application/rtf": (".rtf",),
    "application/zip": (".zip",),
    "application/gzip": (".gz", ".tgz"),
    f"{OFFICE}wordprocessingml.document": (".docx",),
    f"{OFFICE}spreadsheetml.sheet": (".xlsx",),
    f"{OFFICE}presentationml.presentation": (".pptx",),
    "application/msword": (".doc",),
    "application/vnd.ms-excel": (".xls",),
    "application/vnd.ms-powerpoint": (".ppt",),
    "application/vnd.oasis.opendocument.text": (".odt",),
    "application/vnd.oasis.opendocument.spreadsheet": (".ods",),
    "application/vnd.oasis.opendocument.presentation": (".odp",),
    TEXT: (".txt", ".md", ".csv", ".tsv", ".log", ".json", ".yaml", ".yml", ".toml", ".ini", ".srt", ".vcf", ".ics"),
}
INLINE: Final = FORMATS.keys() | {
    "video/mp4",
    "video/webm",
    "video/quicktime",
    "audio/mpeg",
    "audio/mp4",
    "audio/aac",
    "audio/ogg",
    "audio/wav",
    "audio/flac",
}
"""What browsers only show or play; everything else is for saving."""

_WRITTEN: Final = {"application/pdf", "application/rtf", "application/postscript"}  # text in parts, but more than that
_CONTROL: Final = frozenset(range(32)) - frozenset(b"\t\n\f\r\x1b") | {127}
_MARKUP: Final = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*<([a-z!?/])", re.I)


@dataclass(frozen=True)
class Content:
    """What is in a file."""

    content_type: str
    width: int | None = None
    height: int | None = None
    thumbnail: bytes | None = None


def examine(file: IO[Any]) -> Content:
    """What is in the file; TypeRefused, BrokenFile or PictureTooLarge."""
    file.seek(0)
    content_type = type_of(file.read(SNIFFED))
    if not any(fnmatchcase(content_type, pattern) for pattern in settings.CHAT_UPLOAD_TYPES):
        raise TypeRefused(content_type)
    if content_type not in FORMATS:
        return Content(content_type)
    picture = read_picture(file, content_type)
    return Content(content_type, picture.width, picture.height, picture.thumbnail)


def type_of(head: bytes) -> str:
    """The type of what begins like this."""
    kind = filetype.guess(head)
    found = UNKNOWN if kind is None else ALIASES.get(kind.mime, kind.mime)
    if found in _WRITTEN or _CONTROL.intersection(head):
        return found
    return _kind_of_text(head)


def _kind_of_text(head: bytes) -> str:
    markup = _MARKUP.match(head)
    if markup is None:
        return TEXT
    if b"<svg" in head.lower():
        return "image/svg+xml"
    return "text/xml" if markup[1] == b"?" else "text/html"


def clean_name(name: str, content_type: str) -> str:
    """The name under which others can save it: no folders, nothing invisible, with an ending that fits."""
    # Format characters (Cf) go too: one of them writes `gpj.exe` backwards.
    visible = "".join(" " if sign.isspace() else sign for sign in name if unicodedata.category(sign)[0] != "C")
    last = PurePosixPath(visible.replace("\\", "/")).name.strip(" .") or "file"
    ending = PurePosixPath(last).suffix
    fitting = ENDINGS.get(content_type, (ending.lower(),))
    if ending.lower() not in fitting:
        ending = fitting[0]
        last += ending
    return last if len(last) <= MAX_NAME else last[: MAX_NAME - MAX_ENDING] + ending[:MAX_ENDING]
