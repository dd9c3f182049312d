"""The result in docs/performance.md, between two markers; what stands around them is written by hand."""

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.client import Pace
from bench.processes import ROOT, cpus
from bench.report import Results, doubts, tables
from bench.targets import standings

PAGE = ROOT / "docs" / "performance.md"
BEGIN = "<!-- bench: begin; written by bench/run.py --write -->"
END = "<!-- bench: end -->"


def write(results: Results, pace: Pace) -> None:
    """Put it there."""
    text = PAGE.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"docs/performance.md lacks its markers: {BEGIN} and {END}")
    PAGE.write_text(f"{before}{BEGIN}\n\n{_result(results, pace)}\n\n{END}{after}")
    print("Written: docs/performance.md")


def _result(results: Results, pace: Pace) -> str:
    rounds = max(run.round for run in results.runs) + 1
    method = (
        f"{datetime.now(UTC):%Y-%m-%d}, {_machine()}. Medians of {rounds} rounds of {pace.duration:g} s after"
        f" {pace.warmup:g} s of warming up; ratios are paired by round, then their median is taken. {_places()}"
    )
    parts = [method, tables(results), standings(results), _remarks(results)]
    return "\n\n".join(part for part in parts if part)


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


def _remarks(results: Results) -> str:
    remarks = doubts(results.runs)
    return "\n".join(["To be known beside the figures:", "", *(f"- {remark}" for remark in remarks)]) if remarks else ""


def _read(name: str) -> str:
    return Path(name).read_text() if Path(name).exists() else ""
