"""The results in docs/performance.md, each between two markers; what stands around them is written by hand."""

import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench import beside, draining
from bench.beside import Fares
from bench.client import Pace
from bench.draining import Drained
from bench.processes import ROOT, cpus
from bench.report import Results, doubts, tables
from bench.targets import standings, standings_beside, standings_of_ends

PAGE = ROOT / "docs" / "performance.md"
BEGIN = "<!-- {}: begin; written by bench/run.py --write -->"
END = "<!-- {}: end -->"


def write(results: Results, fares: Fares, drains: Sequence[Drained], pace: Pace) -> None:
    """Put there what was measured; the rest stays as it is."""
    if results.runs:
        rounds = max(run.round for run in results.runs) + 1
        _put("bench", _method(rounds, pace), tables(results), standings(results), _remarks(doubts(results.runs)))
    if fares.runs:
        rounds = max(run.round for run in fares.runs) + 1
        method = _method(rounds, pace)
        _put("beside", method, beside.tables(fares), standings_beside(fares), _remarks(beside.doubts(fares.runs)))
    if drains:
        method = f"{datetime.now(UTC):%Y-%m-%d}, {_machine()}. {_places()}"
        _put("drain", method, draining.table(drains), standings_of_ends(drains), _remarks(draining.doubts(drains)))
    print("Written: docs/performance.md")


def _put(name: str, *parts: str) -> None:
    """Between the markers of that name."""
    opening, closing = BEGIN.format(name), END.format(name)
    before, begin, rest = PAGE.read_text().partition(opening)
    _, end, after = rest.partition(closing)
    if not begin or not end:
        raise SystemExit(f"docs/performance.md lacks its markers: {opening} and {closing}")
    text = "\n\n".join(part for part in parts if part)
    PAGE.write_text(f"{before}{opening}\n\n{text}\n\n{closing}{after}")


def _method(rounds: int, pace: Pace) -> str:
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {_machine()}. Medians of {rounds} rounds of {pace.duration:g} s after"
        f" {pace.warmup:g} s of warming up; ratios are paired by round, then their median is taken. {_places()}"
    )


def _machine() -> str:
    names = [
        line.partition(":")[2].strip() for line in _read("/proc/cpuinfo").splitlines() if line.startswith("model name")
    ]
    programs = [
        f"Python {platform.python_version()}",
        *(f"{name} {version(name)}" for name in ("uvicorn", "daphne", "channels")),
    ]
    if node := shutil.which("node"):
        ended = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
        programs.append(f"Node {ended.stdout.strip().removeprefix('v')}")
    return f"{os.cpu_count()} x {names[0] if names else platform.machine()}, {platform.system()}, {', '.join(programs)}"


def _places() -> str:
    if cpus()[0] is None:
        return "There was one CPU for everything."
    return "The server had one CPU, the client and Redis another."


def _remarks(remarks: Sequence[str]) -> str:
    return "\n".join(["To be known beside the figures:", "", *(f"- {remark}" for remark in remarks)]) if remarks else ""


def _read(name: str) -> str:
    return Path(name).read_text() if Path(name).exists() else ""
