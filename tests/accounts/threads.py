"""Things that happen at the same time."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

from django.db import connection

PATIENCE = 10.0  # seconds until a test gives up


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Their results, or the errors that they raised; none begins before all can."""
    start = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return call()
        except Exception as error:  # noqa: BLE001 -- it is a result here
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


class Waiter:
    """A call in a thread of its own that comes upon what the transaction of this one has locked.

        with transaction.atomic():
            change(it)
            waiter = Waiter(lambda: read(it))  # which waits now
        assert waiter.result() == "changed"

    SQLite shows nobody who waits. There any transaction waits at its BEGIN, before it has read anything, for the one
    that is open; so it is enough that it is about to begin.
    """

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._has_begun = Event()
        self._pool = ThreadPoolExecutor(1)
        self._running: Future[Any] = self._pool.submit(self._run)
        assert self._has_begun.wait(PATIENCE) or self._running.done()
        deadline = time.monotonic() + PATIENCE
        while connection.vendor == "postgresql" and not _somebody_waits_for_us():
            assert not self._running.done(), f"it did not wait: {self._running.result()!r}"
            assert time.monotonic() < deadline, "it does not wait"
            time.sleep(0.005)

    def result(self) -> Any:
        """Of the call, or the error that it raised."""
        self._pool.shutdown()
        return self._running.result()

    def _run(self) -> Any:
        try:
            with connection.execute_wrapper(self._begin):
                return self._call()
        except Exception as error:  # noqa: BLE001 -- it is a result here
            return error
        finally:
            connection.close()

    def _begin(self, execute: Callable[..., Any], *statement: Any) -> Any:
        self._has_begun.set()
        return execute(*statement)


def _somebody_waits_for_us() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
        )
        return bool(cursor.fetchone()[0])
