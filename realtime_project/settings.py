"""Settings, by environment only (12-factor). `docs/settings.md` is their table.

Nothing insecure is a default: without `ENVIRONMENT=development` (which `make run` and
`make shell` set) the secrets must be given.
"""

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from realtime_project.settings_chat import *  # noqa: F403 -- they are settings, too
from realtime_project.settings_chat import CHAT_CHANNELS, CHAT_CONVERSATION_RATE
from realtime_project.settings_mail import *  # noqa: F403
from realtime_project.settings_uploads import *  # noqa: F403
from realtime_project.settings_uploads import CHAT_UPLOAD_RATE, UPLOAD_STORAGE

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()

ENVIRONMENT = env.str("ENVIRONMENT", default="production")
if ENVIRONMENT not in {"development", "production"}:
    raise ImproperlyConfigured(f"ENVIRONMENT is {ENVIRONMENT!r}: set it to development or production.")
DEVELOPMENT = ENVIRONMENT == "development"
DEBUG = env.bool("DEBUG", default=DEVELOPMENT)
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / ".data"))).resolve()


def secret(name: str) -> str:
    """The secret of that name; in development alone it has a (public) default."""
    value = str(env.str(name, default=""))
    if value:
        return value
    if DEVELOPMENT:
        return f"development-only-{name.lower()}-which-everybody-knows-0123456789"
    raise ImproperlyConfigured(
        f"{name} is not set. Generate one with `python -c 'import secrets; print(secrets.token_urlsafe(48))'`,"
        " or set ENVIRONMENT=development on your own machine."
    )


# -- Addresses and hosts ---------------------------------------------------------------------
SECRET_KEY = secret("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"] if DEVELOPMENT else [])
ALLOWED_ORIGINS = env.list(
    "ALLOWED_ORIGINS", default=["http://localhost:3000", "http://localhost:3001"] if DEVELOPMENT else []
)
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
PUBLIC_URL = env.str("PUBLIC_URL", default=f"http://localhost:{os.environ.get('PORT', '8000')}").rstrip("/")

# -- Applications ----------------------------------------------------------------------------
# Yours go here: a folder beside the others and its name in this list is all that the core needs.
PROJECT_APPS = [
    "accounts",
    "notifications",
    "keys",
    "chat",
    "vocabularies",
    "web",
    *env.list("EXTRA_APPS", default=[]),
]

INSTALLED_APPS = [
    # `manage.py runserver` speaks WebSocket, too. Every other process would load Twisted with it for nothing.
    *(["daphne"] if "runserver" in sys.argv[1:2] else []),
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "corsheaders",
    "django_filters",
    "django_tasks",
    "django_tasks_db",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "realtime",
    *PROJECT_APPS,
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "realtime.bodies.refuse_large_bodies",  # below CORS, so that a browser may read why
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "realtime_project.urls"
ASGI_APPLICATION = "realtime_project.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# -- Database: PostgreSQL by DATABASE_URL, else SQLite in DATA_DIR ------------------------------
DATABASE_THREADS = env.int("DATABASE_THREADS", default=8)


def database() -> dict[str, Any]:
    """The default database, with a pool on PostgreSQL and WAL on SQLite."""
    url = env.str("DATABASE_URL", default="")
    config: dict[str, Any] = environ.Env.db_url_config(url or f"sqlite:///{DATA_DIR / 'db.sqlite3'}")
    options = config.setdefault("OPTIONS", {})
    if config["ENGINE"].endswith("postgresql"):
        config["CONN_MAX_AGE"] = 0  # the pool keeps the connections, so each call gives its own back
        options["pool"] = {
            "min_size": 1,
            "max_size": env.int("DATABASE_POOL", default=DATABASE_THREADS + 8),
            "timeout": 10,
        }
    else:
        config["CONN_MAX_AGE"] = None
        options |= {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;",
        }
    return config


DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- Redis: one process without, any number of processes with it --------------------------------
REDIS_URL = env.str("REDIS_URL", default="")
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": (
        {"BACKEND": "realtime.layer_redis.RedisLayer", "CONFIG": {"url": REDIS_URL}}
        if REDIS_URL
        else {"BACKEND": "realtime.layer_memory.MemoryLayer"}
    )
}
CACHES: dict[str, dict[str, Any]] = {
    "default": (
        {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
        if REDIS_URL
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    )
}

# -- The real-time core: every key and its default stand in realtime/conf.py ----------------------
REALTIME = {
    "AUTHENTICATOR": "accounts.authentication.authenticate",
    "TOKEN_VERIFIER": "accounts.tokens.verify",
    "TOKEN_ISSUER": "accounts.tokens.access_token",
    "REDIS_URL": REDIS_URL,
    "DATABASE_THREADS": DATABASE_THREADS,
    "ALLOWED_ORIGINS": ALLOWED_ORIGINS,
    "TRUSTED_PROXIES": TRUSTED_PROXIES,
    "BRIDGE": CHAT_CHANNELS,
    # REALTIME_AUTH_TIMEOUT=5 and the like; the core converts them and refuses what it does not know.
    **{name.removeprefix("REALTIME_"): value for name, value in os.environ.items() if name.startswith("REALTIME_")},
}

# -- Users and tokens --------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
JWT_SECRET = secret("JWT_SECRET")
JWT_SECRETS_OLD = env.list("JWT_SECRETS_OLD", default=[])
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(seconds=env.int("ACCESS_TOKEN_LIFETIME", default=3600)),
    "REFRESH_TOKEN_LIFETIME": timedelta(seconds=env.int("REFRESH_TOKEN_LIFETIME", default=14 * 86400)),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "UPDATE_LAST_LOGIN": True,
    "ALGORITHM": "HS256",
    "SIGNING_KEY": JWT_SECRET,
    "USER_ID_CLAIM": "sub",
}

# -- REST --------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["realtime.rest.parsers.JSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["realtime.rest.throttling.UserThrottle"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "realtime.rest.pagination.CursorPagination",
    "EXCEPTION_HANDLER": "realtime.rest.exceptions.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
THROTTLES = {
    "register": env.str("THROTTLE_REGISTER", default="60/minute"),
    "login": env.str("THROTTLE_LOGIN", default="10/minute"),
    "user": env.str("THROTTLE_USER", default="600/minute"),
    "upload": CHAT_UPLOAD_RATE,
    "conversation": CHAT_CONVERSATION_RATE,
    "member": CHAT_CONVERSATION_RATE,
    "keys_claim": env.str("THROTTLE_KEYS_CLAIM", default="60/minute"),
    "keys_claim_pair": env.str("THROTTLE_KEYS_CLAIM_PAIR", default="10/hour"),
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Realtime backend",
    "DESCRIPTION": "REST beside the WebSocket protocol of `/ws/`: the same accounts, the same data, the same errors.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "CAMELIZE_NAMES": True,
    "ENUM_NAME_OVERRIDES": {"StatusEnum": "accounts.models.Status", "AudienceEnum": "accounts.models.Audience"},
}
CORS_ALLOWED_ORIGINS = ALLOWED_ORIGINS
CORS_ALLOW_CREDENTIALS = True
CORS_URLS_REGEX = r"^/api/.*$"

# -- Families of Socket.IO clients -----------------------------------------------------------------
SOCIAL_RATE = env.str("SOCIAL_RATE", default="100/minute")
OPERATIONS_CONNECTIONS = env.str("OPERATIONS_CONNECTIONS", default="10/minute")

# -- Background tasks ----------------------------------------------------------------------------
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

# -- Static files, time, language ------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STORAGES: dict[str, dict[str, Any]] = {
    "default": UPLOAD_STORAGE,
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if DEVELOPMENT
            else "whitenoise.storage.CompressedManifestStaticFilesStorage"
        )
    },
}
WHITENOISE_USE_FINDERS = DEVELOPMENT
MEDIA_ROOT = DATA_DIR / "media"
MEDIA_URL = "media/"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
UNFOLD = {"SITE_TITLE": "Realtime", "SITE_HEADER": "Realtime", "SITE_SYMBOL": "bolt"}

# -- Transport security --------------------------------------------------------------------------
if not DEVELOPMENT:
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=True)
    SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", default=True)
    SESSION_COOKIE_SECURE = env.bool("COOKIES_SECURE", default=True)
    CSRF_COOKIE_SECURE = env.bool("COOKIES_SECURE", default=True)
    CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
    if TRUSTED_PROXIES:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# -- Logs: one line an event on stderr, tokens taken out of every one of them -----------------------
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "realtime.logs.RedactingFormatter", "json": env.bool("LOG_JSON", default=not DEVELOPMENT)}
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        "uvicorn.error": {"level": "WARNING"},  # the core logs connections itself, with the user
    },
}
