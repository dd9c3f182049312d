"""Settings of the chat, of presence and of the key directory, a part of `settings.py`."""

import re

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()

# -- Chat ------------------------------------------------------------------------------------------
CHAT_MAX_TEXT = env.int("CHAT_MAX_TEXT", default=10_000)
CHAT_MAX_MEMBERS = env.int("CHAT_MAX_MEMBERS", default=500)
CHAT_TYPING_TIMEOUT = env.float("CHAT_TYPING_TIMEOUT", default=5.0)
CHAT_MESSAGE_RATE = env.str("CHAT_MESSAGE_RATE", default="30/minute")
CHAT_EDIT_RATE = env.str("CHAT_EDIT_RATE", default="120/minute")
CHAT_RECEIPT_RATE = env.str("CHAT_RECEIPT_RATE", default="1200/minute")
CHAT_TYPING_RATE = env.str("CHAT_TYPING_RATE", default="600/minute")
CHAT_CONVERSATION_RATE = env.str("CHAT_CONVERSATION_RATE", default="60/minute")
CHAT_MAX_CIPHERTEXT = env.int("CHAT_MAX_CIPHERTEXT", default=100_000)
CHAT_MAX_ATTACHMENTS = env.int("CHAT_MAX_ATTACHMENTS", default=10)
CHAT_MAX_MENTIONS = env.int("CHAT_MAX_MENTIONS", default=50)
CHAT_MAX_REACTIONS = env.int("CHAT_MAX_REACTIONS", default=20)
CHAT_MAX_REVISIONS = env.int("CHAT_MAX_REVISIONS", default=100)
CHAT_EDIT_WINDOW = env.int("CHAT_EDIT_WINDOW", default=0)
CHAT_ATTACHMENT_TYPES = env.list(
    "CHAT_ATTACHMENT_TYPES",
    default=[
        *("image", "video", "audio", "file", "image/*", "video/*", "audio/*", "font/*"),
        *("text/plain", "text/csv", "text/markdown", "text/calendar", "text/vcard"),
        *("application/octet-stream", "application/pdf", "application/json", "application/rtf", "application/epub+zip"),
        *("application/zip", "application/gzip", "application/x-tar", "application/x-7z-compressed"),
        *("application/msword", "application/vnd.*"),
    ],
)
CHAT_MAX_SIGNAL = env.int("CHAT_MAX_SIGNAL", default=65_536)
CHAT_RING_TIMEOUT = env.float("CHAT_RING_TIMEOUT", default=45)
CHAT_CALL_GRACE = env.float("CHAT_CALL_GRACE", default=15)
CHAT_CALL_RATE = env.str("CHAT_CALL_RATE", default="30/minute")
CHAT_SIGNAL_RATE = env.str("CHAT_SIGNAL_RATE", default="600/minute")
CHAT_BRIDGE = env.bool("CHAT_BRIDGE", default=False)  # tell other services of the chat on Redis channels
CHAT_CHANNELS = (
    {
        "message.new": "message:new",
        "message.edited": "message:edited",
        "message.deleted": "message:deleted",
        "message.receipt": "message:receipt",
        "presence.changed": "presence:update",
        "typing.started": "typing:start",
        "typing.stopped": "typing:stop",
    }
    if CHAT_BRIDGE
    else {}
)
CHAT_SEARCH_CONFIG = env.str("CHAT_SEARCH_CONFIG", default="simple")
if not re.fullmatch(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?", CHAT_SEARCH_CONFIG):  # it is written into SQL
    raise ImproperlyConfigured(f"CHAT_SEARCH_CONFIG is {CHAT_SEARCH_CONFIG!r}: take a name that \\dF lists in psql.")
CHAT_SEARCH_MAX_QUERY = env.int("CHAT_SEARCH_MAX_QUERY", default=200)

# -- Presence --------------------------------------------------------------------------------------
PRESENCE_RATE = env.str("PRESENCE_RATE", default="60/minute")
PRESENCE_ASK_RATE = env.str("PRESENCE_ASK_RATE", default="300/minute")
ACCOUNTS_MAX_BLOCKS = env.int("ACCOUNTS_MAX_BLOCKS", default=1000)
STATUS_EXPIRY_INTERVAL = env.float("STATUS_EXPIRY_INTERVAL", default=1.0)

# -- The key directory -----------------------------------------------------------------------------
KEYS_MAX_DEVICES = env.int("KEYS_MAX_DEVICES", default=20)
KEYS_MAX_ONE_TIME = env.int("KEYS_MAX_ONE_TIME", default=100)
KEYS_MAX_KEY_BYTES = env.int("KEYS_MAX_KEY_BYTES", default=2048)
