"""People, and clients for them."""

import gc
import os
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pytest_django import DjangoDbBlocker

from accounts import services
from accounts.models import User
from realtime.limits import limits
from realtime.testing import connect, realtime_server
from tests.scheduling import ByServers, place
from tests.services import on_sqlite

__all__ = ["alice", "bob", "carol", "connect", "person", "realtime_server", "uncounted"]

PASSWORD = "quite-a-Secret-42"
SLOW = 50  # a test that is marked so takes as long as so many others

# How long an example takes, or is sought, says how busy the machine is.
hypothesis_settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("untimed")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Instead of `--dist loadfile`."""
    return ByServers(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a process of xdist: what takes longest begins first, so that none ends long after the others."""
    if hasattr(config, "workerinput"):
        places = [place(item.nodeid) for item in items]
        weights = Counter(places)
        for item, where in zip(items, places, strict=True):
            weights[where] += SLOW * any(item.iter_markers("slow"))
        items.sort(key=lambda item: -weights[place(item.nodeid)])


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: no search for garbage goes through it again."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI a missing tool is a failure, never a skip; on SQLite nothing is missing but PostgreSQL."""
    if on_sqlite():
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and reporter is not None and reporter.stats.get("skipped") and exitstatus == 0:
        reporter.write_line("A test was skipped, which in CI is a failure: install what it lacks.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The database is dropped at the end, whichever thread still has a connection to it."""
    yield
    if not on_sqlite():
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


@pytest.fixture(autouse=True)
def uncounted() -> Iterator[None]:
    """No test has used up another's rates."""
    limits.cache_clear()
    yield
    limits.cache_clear()


@pytest.fixture
def person(db: None) -> Callable[..., User]:
    """`person("alice")` registers her."""

    def register(username: str, email: str = "", **more: str) -> User:
        user = services.register_user(username=username, password=PASSWORD, **more)
        if email:  # theirs, without a letter
            services.update_account(user_id=user.pk, changes={"email": email, "confirmed_email": email})
            user.refresh_from_db()
        return user

    return register


@pytest.fixture
def alice(person: Callable[..., User]) -> User:
    return person("alice", email="alice@example.com", display_name="Alice A.")


@pytest.fixture
def bob(person: Callable[..., User]) -> User:
    return person("bob")


@pytest.fixture
def carol(person: Callable[..., User]) -> User:
    return person("carol")
