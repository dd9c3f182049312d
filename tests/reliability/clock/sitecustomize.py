"""A process with this folder in PYTHONPATH has a wrong clock; Python imports the module by its name at the start.

It is CLOCK_AHEAD seconds ahead, and one more day from each SIGUSR1 on. Timers of the event loop are not touched:
libuv has a clock of its own.
"""

import os
import signal
import threading
import time

DAY = 86_400.0
_ahead = [float(os.environ.get("CLOCK_AHEAD", "0"))]
_time, _monotonic = time.time, time.monotonic


def _wait() -> None:
    while signal.sigwait({signal.SIGUSR1}):
        _ahead[0] += DAY


time.time = lambda: _time() + _ahead[0]
time.monotonic = lambda: _monotonic() + _ahead[0]
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})  # a thread waits for it: uvloop runs no other's handlers
threading.Thread(target=_wait, name="clock", daemon=True).start()
