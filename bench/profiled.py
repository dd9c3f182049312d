"""Our server under cProfile, from one SIGUSR1 to the next: `python -m bench.profiled FILE PORT`.

Starting and connecting are left out that way.
"""

import cProfile
import os
import pstats
import signal
import sys
from pathlib import Path
from types import FrameType

from django.core.management import execute_from_command_line

LINES = 25


def main(file: str, port: str) -> None:
    """Serve."""
    profile = cProfile.Profile()
    is_on = False

    def turn(number: int, frame: FrameType | None) -> None:
        nonlocal is_on
        is_on = not is_on
        if is_on:
            profile.enable()
        else:
            profile.disable()
            profile.dump_stats(file)

    signal.signal(signal.SIGUSR1, turn)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realtime_project.settings")
    execute_from_command_line(["manage.py", "serve", "--port", port])


def show(file: Path) -> None:
    """The functions that took most time by themselves."""
    pstats.Stats(str(file)).strip_dirs().sort_stats("tottime").print_stats(LINES)


if __name__ == "__main__":
    main(*sys.argv[1:])
