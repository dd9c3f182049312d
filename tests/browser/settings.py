"""The project's settings, with passwords that are fast to hash: these tests make many accounts."""

from realtime_project.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
