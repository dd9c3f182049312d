"""Deployments with a Redis of their own, which a test may maltreat."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from pytest_django import DjangoDbBlocker

from realtime.couriers import RedisCourier
from realtime.publishing import set_courier
from realtime.testing import Client
from tests.integration.servers import ServerProcess
from tests.services import Redis

pytestmark = pytest.mark.django_db(transaction=True)

PLENTY = {"REALTIME_CONNECTIONS_PER_ADDRESS": "1000000/minute"}


@dataclass
class Site:
    """The servers of one deployment, and their Redis."""

    servers: list[ServerProcess]
    redis: Redis


@pytest.fixture(scope="module")
def _site(request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Site]:
    """As many servers as a module's SERVERS has settings for."""
    with Redis() as redis, ExitStack() as stack:
        servers = []
        for settings in request.module.SERVERS:
            with django_db_blocker.unblock():
                server = ServerProcess(REDIS_URL=redis.url, **(PLENTY | settings))
            servers.append(server.start())
            stack.callback(_end, server)
        yield Site(servers, redis)


def _end(server: ServerProcess) -> None:
    assert server.stop() in {0, -signal.SIGTERM}, server.log.read_text()  # uvicorn ends by the signal it got


@pytest.fixture
def site(transactional_db: None, _site: Site) -> Iterator[Site]:
    """The deployment of this module, by whose Redis this process sends too."""
    set_courier(RedisCourier.connect(_site.redis.url))
    yield _site
    set_courier(None)


@pytest.fixture
def join() -> Iterator[Callable[..., Client]]:
    """`join(server, user)`: a greeted client that is closed when the test ends."""
    with ExitStack() as stack:
        yield lambda server, user, **options: stack.enter_context(server.connect(user, **options))
