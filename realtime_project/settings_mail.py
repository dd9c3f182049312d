"""Settings of mail: one URL for the server and how to talk to it, and when and how much mail there is."""

from urllib.parse import urlsplit

import environ

env = environ.Env()

_IS_DEVELOPMENT = env.str("ENVIRONMENT", default="production") == "development"
_HOST = urlsplit(env.str("PUBLIC_URL", default="http://localhost:8000")).hostname or "localhost"

_SERVER = env.email_url("EMAIL_URL", default="consolemail://" if _IS_DEVELOPMENT else "smtp://localhost:25")
EMAIL_BACKEND = _SERVER["EMAIL_BACKEND"]
EMAIL_FILE_PATH = _SERVER["EMAIL_FILE_PATH"]
EMAIL_HOST = _SERVER["EMAIL_HOST"] or "localhost"
EMAIL_USE_TLS = bool(_SERVER.get("EMAIL_USE_TLS"))
EMAIL_USE_SSL = bool(_SERVER.get("EMAIL_USE_SSL"))
EMAIL_PORT = _SERVER["EMAIL_PORT"] or (465 if EMAIL_USE_SSL else 587 if EMAIL_USE_TLS else 25)
EMAIL_HOST_USER = _SERVER["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = _SERVER["EMAIL_HOST_PASSWORD"] or ""
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", default=10)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"noreply@{_HOST}")

EMAIL_CONFIRM_DAILY = env.int("EMAIL_CONFIRM_DAILY", default=3)
EMAIL_CONFIRM_DAYS = env.int("EMAIL_CONFIRM_DAYS", default=7)

CHAT_MAIL_QUIET = env.float("CHAT_MAIL_QUIET", default=300)
CHAT_MAIL_DAILY = env.int("CHAT_MAIL_DAILY", default=20)
CHAT_MAIL_MESSAGES = env.int("CHAT_MAIL_MESSAGES", default=10)
CHAT_MAIL_TEXT = env.int("CHAT_MAIL_TEXT", default=500)
CHAT_MAIL_RETRIES = env.int("CHAT_MAIL_RETRIES", default=5)
CHAT_MAIL_RETRY_DELAY = env.float("CHAT_MAIL_RETRY_DELAY", default=60)
CHAT_MAIL_LEASE = env.float("CHAT_MAIL_LEASE", default=600)
CHAT_MAIL_LINK_DAYS = env.int("CHAT_MAIL_LINK_DAYS", default=365)
