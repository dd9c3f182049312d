"""Whether a client is still there."""

import asyncio
from collections.abc import Callable
from typing import Final

from realtime.conf import conf

PUNCTUAL: Final = 0.001  # seconds by which a timer may be early; another wait would make the end late


class Heartbeat:
    """Asks for a sign of life every `heartbeat_interval`; `heartbeat_timeout` without any, and it gives up.

    A pong is the answer, and begins the next interval. Anything else that is heard after the question is a
    sign of life, too.
    """

    __slots__ = ("_ask", "_give_up", "_heard_at", "_is_asked", "_timer")

    def __init__(self, ask: Callable[[], object], give_up: Callable[[], object]) -> None:
        self._ask, self._give_up = ask, give_up
        self._is_asked = False
        self._heard_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin an interval."""
        self._is_asked = False
        self._set_timer(conf().heartbeat_interval, self._beat)

    def heard(self, *, is_pong: bool) -> None:
        """The client gave a sign of life."""
        if self._is_asked and is_pong:
            self.start()
        elif self._is_asked:
            self._heard_at = asyncio.get_running_loop().time()

    def wait_again(self) -> None:
        """It was nobody's fault: wait as long once more."""
        self._heard_at = asyncio.get_running_loop().time()
        self._set_timer(conf().heartbeat_timeout, self._check)

    def stop(self) -> None:
        """Expect nothing more."""
        self._is_asked = False
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self, delay: float, act: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay, act)

    def _beat(self) -> None:
        self._is_asked = True
        self.wait_again()
        self._ask()

    def _check(self) -> None:
        left = self._heard_at + conf().heartbeat_timeout - asyncio.get_running_loop().time()
        if left > PUNCTUAL:
            self._set_timer(left, self._check)
        else:
            self._give_up()
