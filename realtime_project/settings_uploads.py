"""Settings of uploads, a part of `settings.py`. What a file is tells its content: `chat/media.py`."""

from typing import Any

import environ

env = environ.Env()

CHAT_MAX_UPLOAD = env.int("CHAT_MAX_UPLOAD", default=25_000_000)
CHAT_UPLOAD_RATE = env.str("CHAT_UPLOAD_RATE", default="30/minute")
CHAT_UPLOAD_QUOTA = env.int("CHAT_UPLOAD_QUOTA", default=1_000_000_000)
CHAT_MAX_UNSENT = env.int("CHAT_MAX_UNSENT", default=30)
CHAT_MAX_IMAGE_PIXELS = env.int("CHAT_MAX_IMAGE_PIXELS", default=50_000_000)
CHAT_THUMBNAIL = env.int("CHAT_THUMBNAIL", default=400)
CHAT_UPLOAD_TTL = env.int("CHAT_UPLOAD_TTL", default=86_400)
CHAT_LINK_AGE = env.int("CHAT_LINK_AGE", default=900)
CHAT_PROGRESS_RATE = env.str("CHAT_PROGRESS_RATE", default="10/second")
OFFICE = "application/vnd.openxmlformats-officedocument"
CHAT_UPLOAD_TYPES = env.list(
    "CHAT_UPLOAD_TYPES",
    default=[
        *(f"image/{kind}" for kind in ("png", "jpeg", "gif", "webp", "avif", "heic")),
        *(f"video/{kind}" for kind in ("mp4", "x-m4v", "webm", "quicktime", "x-matroska")),
        *(f"audio/{kind}" for kind in ("mpeg", "mp4", "aac", "ogg", "wav", "flac", "amr")),
        *(f"application/{kind}" for kind in ("pdf", "rtf", "zip", "gzip", "msword")),
        *(f"application/vnd.ms-{kind}" for kind in ("excel", "powerpoint")),
        f"{OFFICE}.*",
        "application/vnd.oasis.opendocument.*",
        "text/plain",
    ],
)
# Bytes of a whole request of somebody who is logged in, counted while it comes in; any other: as of any form.
BODY_LIMITS = {"POST /api/attachments/": CHAT_MAX_UPLOAD + 65_536}

S3_BUCKET = env.str("S3_BUCKET", default="")
UPLOAD_STORAGE: dict[str, Any] = (
    {
        "BACKEND": "storages.backends.s3.S3Storage",  # not among the requirements: django-storages[s3]
        "OPTIONS": {
            "bucket_name": S3_BUCKET,
            "endpoint_url": env.str("S3_ENDPOINT", default="") or None,
            "region_name": env.str("S3_REGION", default="") or None,
            "default_acl": None,
            "file_overwrite": False,
        },
    }
    if S3_BUCKET
    else {"BACKEND": "django.core.files.storage.FileSystemStorage"}
)
