"""Where the ORM runs: a bounded pool of threads, neither the event loop nor Channels' single thread."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache
from typing import ParamSpec, TypeVar

from django.db import close_old_connections

from realtime.conf import conf

P = ParamSpec("P")
R = TypeVar("R")


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(conf().database_threads, thread_name_prefix="database")


async def run(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function that uses the ORM in a pool thread, with the caller's context variables."""
    context = copy_context()
    return await asyncio.get_running_loop().run_in_executor(
        _pool(), lambda: context.run(_with_fresh_connections, function, *args, **kwargs)
    )


def _with_fresh_connections(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    close_old_connections()
    try:
        return function(*args, **kwargs)
    finally:
        close_old_connections()
