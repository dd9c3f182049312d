"""A private Redis, and the lines of the log."""

import logging
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from realtime.process import Process
from tests.services import Redis


@pytest.fixture
def redis_server() -> Iterator[Redis]:
    """A Redis of the test's own, to be killed and restarted."""
    with Redis() as server:
        yield server


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What the core logs from `info` on."""
    caplog.set_level(logging.INFO, logger="realtime")
    return caplog


@pytest_asyncio.fixture
async def process(transactional_db: None) -> AsyncIterator[Process]:
    """The server in this very loop, without a network."""
    started = await Process.started()
    yield started
    await started.stop()
