"""Two server processes with Redis and PostgreSQL, or one without Redis."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from accounts.models import User
from accounts.tokens import access_token
from chat import services
from chat.models import Conversation
from realtime.couriers import RedisCourier
from realtime.publishing import set_courier
from realtime.testing import Client
from tests.integration.clients import PythonClient
from tests.integration.javascript import Driver, JavaScriptClient
from tests.integration.proxy import Proxy
from tests.integration.servers import ServerProcess
from tests.services import redis_url

pytestmark = pytest.mark.django_db(transaction=True)

HASTY = {
    "REALTIME_AUTH_TIMEOUT": "0.8",
    "REALTIME_MAX_ROOMS": "3",
    "REALTIME_RECOVERY_WINDOW": "1.5",
    "REALTIME_RECOVERY_EVENTS": "5",
    "REALTIME_RECOVERY_SWEEP": "0.2",
    "TRUSTED_PROXIES": "127.0.0.1",  # clients may come from where they like
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What drives the JavaScript client needs Node."""
    for item in items:
        if "driver" in getattr(item, "fixturenames", ()):
            item.add_marker("javascript")


@dataclass
class Site:
    """The servers of one deployment; `redis` is what its other processes need in REDIS_URL."""

    servers: list[ServerProcess]
    redis: str


@pytest.fixture(scope="package", params=["with Redis", "without Redis"])
def _site(request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Site]:
    # One deployment at a time: two on one database would relay each other's events.
    settings = {"REDIS_URL": redis_url()} if request.param == "with Redis" else {}
    with ExitStack() as stack:  # each one ends, also if another does not as it should
        servers = []
        for _ in range(2 if settings else 1):
            with django_db_blocker.unblock():
                servers.append(ServerProcess(**settings).start())
            stack.callback(_end, servers[-1])
        yield Site(servers, settings.get("REDIS_URL", ""))


def _end(server: ServerProcess) -> None:
    assert server.stop() in {0, -signal.SIGTERM}, server.log.read_text()  # uvicorn ends by the signal it got


@pytest.fixture
def site(transactional_db: None, _site: Site) -> Iterator[Site]:
    """Two processes with Redis, by which this one sends too; then one process without."""
    set_courier(RedisCourier.connect(_site.redis) if _site.redis else None)
    yield _site
    set_courier(None)


pair = pytest.mark.parametrize("_site", ["with Redis"], indirect=True)
"""For tests of two processes: `site` is those alone."""


@pytest.fixture
def join() -> Iterator[Callable[..., Client]]:
    """`join(server, user)`: a greeted client that is closed when the test ends."""
    with ExitStack() as stack:
        yield lambda server, user, **options: stack.enter_context(server.connect(user, **options))


@pytest.fixture
def group(transactional_db: None, alice: User, bob: User, carol: User) -> Conversation:
    """Alice's group with Bob and Carol."""
    return services.create_conversation(creator_id=alice.pk, kind="group", title="Trip", members=[bob.pk, carol.pk])


@pytest.fixture(scope="package")
def driver() -> Iterator[Driver]:
    """Node, in which all JavaScript clients live; skipped without it."""
    with Driver() as driver:
        yield driver


@pytest.fixture
def proxy() -> Iterator[Callable[[ServerProcess], Proxy]]:
    """`proxy(server)`: a network between clients and that server, which loses connections when it is told to."""
    with ExitStack() as stack:
        yield lambda server: stack.enter_context(Proxy(server.port))


@pytest.fixture
def javascript(driver: Driver, proxy: object) -> Iterator[Callable[..., JavaScriptClient]]:
    """`javascript(server, user, namespace="/ws")`: a client that has just begun to connect.

    `user` may be None, for a handshake without a token, or be left out where `auth` is given. `server` may be a proxy;
    these end after the clients, so that all sessions end properly.
    """
    with ExitStack() as stack:

        def connect(
            server: ServerProcess | Proxy, user: User | None = None, namespace: str = "/", **options: Any
        ) -> JavaScriptClient:
            auth = {} if user is None else {"auth": {"token": access_token(user)}}
            url = f"http://127.0.0.1:{server.port}{namespace}"
            return stack.enter_context(JavaScriptClient(driver, url, **(auth | options)))

        yield connect


@pytest.fixture
def python() -> Iterator[Callable[..., PythonClient]]:
    """The same for Python: `python(server, user, transports=["websocket"])` is connected, or refused."""
    with ExitStack() as stack:

        def connect(server: ServerProcess, user: User | None = None, **options: Any) -> PythonClient:
            auth = None if user is None else {"token": access_token(user)}
            url = f"http://127.0.0.1:{server.port}"
            return stack.enter_context(PythonClient(url, **({"auth": auth} | options)))

        yield connect


@pytest.fixture(scope="package")
def _hasty(_site: Site, django_db_blocker: DjangoDbBlocker) -> Iterator[ServerProcess]:
    settings = {"REDIS_URL": _site.redis} if _site.redis else {}
    with django_db_blocker.unblock():
        server = ServerProcess(**HASTY, **settings).start()
    yield server
    _end(server)


@pytest.fixture
def hasty(site: Site, _hasty: ServerProcess) -> ServerProcess:
    """One more process of a `pair`, with low limits and short times."""
    return _hasty


@pytest.fixture
def say(group: Conversation, alice: User) -> Callable[..., None]:
    """`say("hello", by=carol)`: in the group; Alice, if nobody is named."""

    def send(text: str, by: User = alice) -> None:
        services.send_message(sender_id=by.pk, conversation_id=group.pk, text=text)

    return send
