"""Pictures that people upload: looked at with care, and made small.

What a client sends is never trusted: few formats, a limit of pixels before any is decoded, one at a time in a process.
"""

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from threading import Lock
from typing import IO, Any, Final

from django.conf import settings
from PIL import ExifTags, Image, ImageOps

from chat.exceptions import BrokenFile, PictureTooLarge

FORMATS: Final = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/avif": "AVIF",
}
THUMBNAIL_TYPE: Final = "image/webp"
SIDEWAYS: Final = {5, 6, 7, 8}  # orientations that change width for height
DECODER: Final = Lock()  # a WebP of 50 million pixels takes 800 MB while it is decoded
SMOOTH: Final = {"RGB", "RGBA", "L", "LA", "CMYK", "YCbCr"}  # modes that can be made small without a conversion before
# What decoders raise for bytes that make no sense; all of them are the file's fault.
BROKEN: Final = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    EOFError,
    struct.error,
    zlib.error,
)
BOMB: Final = (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError)


@dataclass(frozen=True)
class Picture:
    """What is known of a picture; its size is that of the upright one."""

    width: int
    height: int
    thumbnail: bytes


def read_picture(file: IO[Any], content_type: str) -> Picture:
    """The picture in a file of one of `FORMATS`, the first one if it moves; BrokenFile or PictureTooLarge."""
    file.seek(0)
    try:
        with DECODER, Image.open(file, formats=(FORMATS[content_type],)) as image:
            return _read(image)
    except BOMB as error:
        raise PictureTooLarge(settings.CHAT_MAX_IMAGE_PIXELS) from error
    except BROKEN as error:
        raise BrokenFile from error
    finally:
        file.seek(0)


def _read(image: Image.Image) -> Picture:
    width, height = image.size
    if width * height > settings.CHAT_MAX_IMAGE_PIXELS:
        raise PictureTooLarge(settings.CHAT_MAX_IMAGE_PIXELS)
    small = _shrink(image)
    orientation = _orientation(small)
    if orientation in SIDEWAYS:
        width, height = height, width
    if orientation != 1:
        small = ImageOps.exif_transpose(small)
    return Picture(width, height, _thumbnail(small))


def _shrink(image: Image.Image) -> Image.Image:
    if image.mode not in SMOOTH:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    image.thumbnail((settings.CHAT_THUMBNAIL, settings.CHAT_THUMBNAIL))
    return image


def _orientation(image: Image.Image) -> int:
    """By the camera; 1 is upright."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except BROKEN:
        return 1  # bad notes of a camera make no bad picture
    return orientation if orientation in range(1, 9) else 1


def _thumbnail(image: Image.Image) -> bytes:
    """Pixels alone: where and with what the picture was taken stays behind."""
    plain = image.convert("RGBA" if image.has_transparency_data else "RGB")
    plain.info.clear()
    buffer = BytesIO()
    plain.save(buffer, "WEBP", quality=80, exif=b"", xmp=b"", icc_profile=b"")
    return buffer.getvalue()
