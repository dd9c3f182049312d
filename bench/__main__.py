"""The command line of the bench."""

import argparse
import json
import signal
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from bench import page, profiled
from bench.cases import CASES, Case
from bench.client import Pace
from bench.measuring import Run, Stage, runs, stage
from bench.report import Results, line, tables
from bench.servers import SERVERS, Server
from bench.targets import standings

EXAMPLES = (
    """examples:
  bench/run.py --quick
  bench/run.py --cases hall pairs --servers socketio node --rounds 5
  bench/run.py --profile --cases arena --servers socketio
  bench/run.py --rounds 5 --write

cases:
"""
    + "\n".join(f"  {case.name:8} {case.title}" for case in CASES)
    + """

servers:
"""
    + "\n".join(f"  {server.name:8} {server.title}" for server in SERVERS)
)


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(
        prog="bench/run.py",
        description="CPU a delivery, latency, memory a connection: our server and others in turn, under the same load.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    cases, servers = [case.name for case in CASES], [server.name for server in SERVERS]
    made.add_argument("--cases", nargs="+", choices=cases, default=cases, metavar="CASE")
    made.add_argument("--servers", nargs="+", choices=servers, default=servers, metavar="SERVER")
    made.add_argument("--rounds", type=int, help="of each case (default 3)")
    made.add_argument("--duration", type=float, help="of each run, in seconds (default 4)")
    made.add_argument("--warmup", type=float, help="before it, in seconds (default 1)")
    made.add_argument(
        "--quick", action="store_true", help="1 round of 1 s, 500 idle connections: does everything work?"
    )
    made.add_argument("--profile", action="store_true", help="our servers under cProfile; no figures")
    made.add_argument("--write", action="store_true", help="write the result into docs/performance.md")
    made.add_argument("--json", type=Path, metavar="FILE", help="append each run as a line of JSON")
    return made


def main() -> int:
    """Measure and print; 1 if a run of ours failed."""
    words = parser().parse_args()
    pace = Pace(words.duration or (1 if words.quick else 4), words.warmup or (0.5 if words.quick else 1))
    rounds = words.rounds or (1 if words.quick or words.profile else 3)
    cases = [case for case in CASES if case.name in words.cases]
    if words.quick:
        cases = [
            replace(case, connections=500, title="500 idle connections") if case.is_memory else case for case in cases
        ]
    servers = [server for server in SERVERS if server.name in words.servers and _can_run(server)]
    with stage() as on:
        if words.profile:
            _profile(on, cases, servers, pace)
            return 0
        coming = runs(on, cases, servers, pace, rounds)
        done = _followed(coming, len(cases) * len(servers) * rounds, words.json)
    results = Results(done)
    print(f"\n{tables(results)}\n\n{standings(results)}\n")
    if words.write:
        page.write(results, pace)
    return int(any(run.server.is_ours and run.figures.error for run in done))


def _can_run(server: Server) -> bool:
    reason = server.lacks()
    if reason:
        print(f"Left out: {server.title}, since {reason}.", flush=True)
    return not reason


def _followed(coming: Iterable[Run], total: int, file: Path | None) -> list[Run]:
    """All runs, each told as soon as it is there."""
    done: list[Run] = []
    for run in coming:
        done.append(run)
        print(
            f"[{len(done)}/{total}] {run.case.title}, round {run.round + 1}, {run.server.title}: {line(run)}",
            flush=True,
        )
        if file is not None:
            entry = {"case": run.case.name, "server": run.server.name, "round": run.round, **asdict(run.figures)}
            with file.open("a") as lines:
                lines.write(json.dumps(entry) + "\n")
    return done


def _profile(on: Stage, cases: Sequence[Case], servers: Sequence[Server], pace: Pace) -> None:
    file = on.folder / "profile"

    def command(port: int, redis_url: str) -> list[str]:
        return [sys.executable, "-m", "bench.profiled", str(file), str(port)]

    ours = [replace(server, command=command, is_profiled=True) for server in servers if server.is_ours]
    for run in runs(on, cases, ours, pace, 1):
        print(f"\n== {run.case.title}, {run.server.title}, under cProfile: {line(run)}", flush=True)
        if not run.figures.error:
            profiled.show(file)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are ended, too
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Interrupted.")
