"""Where the ORM runs: a bounded pool of threads, neither the event loop nor Channels' single thread."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache, partial
from typing import ParamSpec, TypeVar

from django.db import close_old_connections, reset_queries

from realtime.conf import conf

P = ParamSpec("P")
R = TypeVar("R")


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(conf().database_threads, thread_name_prefix="database")


def on_event_loop() -> bool:
    """Whether this thread runs an event loop, where the ORM must not be used."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def run(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function that uses the ORM in a pool thread, with the caller's context variables."""
    context = copy_context()
    call = partial(function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_pool(), context.run, _with_fresh_connections, call)


def _with_fresh_connections(call: Callable[[], R]) -> R:
    reset_queries()  # as for each request: where DEBUG is on, a connection remembers thousands of them
    close_old_connections()
    try:
        return call()
    finally:
        close_old_connections()
