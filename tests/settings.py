"""Django's settings for the tests: the project's own, in development, on servers of this test run.

The database is PostgreSQL, or SQLite with TEST_SQLITE=1. Django has no REDIS_URL: a test that wants
Redis asks `tests.services.redis_url()`.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from tests import services

TEST_FOLDER = Path(tempfile.mkdtemp(prefix="realtime-tests-"))
atexit.register(shutil.rmtree, TEST_FOLDER, ignore_errors=True)
(TEST_FOLDER / "static").mkdir()  # whitenoise warns of a missing one

EXTRA_APPS = ",".join({*filter(None, os.environ.get("EXTRA_APPS", "").split(",")), "tests.lab"})  # once in a worker
os.environ |= {"ENVIRONMENT": "development", "DATA_DIR": str(TEST_FOLDER), "EXTRA_APPS": EXTRA_APPS}
os.environ.pop("REDIS_URL", None)
if services.on_sqlite():
    os.environ.pop("DATABASE_URL", None)
else:
    os.environ["DATABASE_URL"] = services.database_url()
os.environ["REALTIME_DRAIN_NOTICE"] = "0"  # here no balancer is to notice
services.redis_url()

from realtime_project.settings import *  # noqa: E402, F403 - it reads the environment while it is imported
from realtime_project.settings import DATABASES  # noqa: E402

if services.on_sqlite():
    # A file, because a database in memory knows neither WAL nor a second process.
    DATABASES["default"]["TEST"] = {"NAME": str(TEST_FOLDER / "test.sqlite3")}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast; the real ones are slow on purpose
WHITENOISE_AUTOREFRESH = True  # it looks for a static file that is asked for: else every test client reads all of them
