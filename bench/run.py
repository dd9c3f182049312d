"""`make bench`: `bench/run.py --help` tells how to use it."""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)  # where the package is, not what is in it
    runpy.run_module("bench", run_name="__main__")
