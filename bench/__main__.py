"""The command line of the bench."""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from bench import beside, draining, page, profiled
from bench.beside import Beside, Fares
from bench.cases import CASES, Case
from bench.client import Pace
from bench.draining import Drained
from bench.measuring import Run, Stage, runs, stage
from bench.report import Results, line, tables
from bench.servers import SERVERS, Server
from bench.targets import standings, standings_beside, standings_of_ends
from bench.troubles import SCENARIOS

EXAMPLES = (
    """examples:
  bench/run.py --quick
  bench/run.py --cases hall pairs --servers socketio node --rounds 5
  bench/run.py --profile --cases arena --servers socketio
  bench/run.py --cases reader query drain --duration 8
  bench/run.py --rounds 5 --write

cases:
"""
    + "\n".join(f"  {case.name:8} {case.title}" for case in CASES)
    + "".join(f"\n  {scenario.name:8} beside {scenario.title}: how others fare; ours" for scenario in SCENARIOS)
    + f"\n  {draining.NAME:8} {draining.TITLE}, with many connections; ours"
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
    cases = [*(one.name for one in (*CASES, *SCENARIOS)), draining.NAME]
    servers = [server.name for server in SERVERS]
    made.add_argument("--cases", nargs="+", choices=cases, default=cases, metavar="CASE")
    made.add_argument("--servers", nargs="+", choices=servers, default=servers, metavar="SERVER")
    made.add_argument("--rounds", type=int, help="of each case (default 3)")
    made.add_argument("--connections", type=int, default=draining.CONNECTIONS, help="of drain (default %(default)s)")
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
    servers = [server for server in SERVERS if server.name in words.servers and _can_run(server)]
    with stage() as on:
        if words.profile:
            _profile(on, _cases(words), servers, pace)
            return 0
        done = _compared(on, words, servers, pace, rounds)
        besides = _besides(on, words, servers, pace, rounds)
        drains = _drains(on, words, rounds)
    results, fares = Results(done), Fares(besides)
    parts = [tables(results), standings(results), beside.tables(fares), standings_beside(fares)]
    parts += [draining.table(drains), standings_of_ends(drains)]
    print("\n" + "\n\n".join(part for part in parts if part) + "\n")
    if words.write:
        page.write(results, fares, drains, pace)
    failed = [run.figures.error for run in done if run.server.is_ours] + [run.figures.error for run in besides]
    return int(any([*failed, *(drained.error for drained in drains)]))


def _cases(words: argparse.Namespace) -> list[Case]:
    cases = [case for case in CASES if case.name in words.cases]
    if not words.quick:
        return cases
    return [replace(case, connections=500, title="500 idle connections") if case.is_memory else case for case in cases]


def _can_run(server: Server) -> bool:
    reason = server.lacks()
    if reason:
        print(f"Left out: {server.title}, since {reason}.", flush=True)
    return not reason


def _compared(on: Stage, words: argparse.Namespace, servers: Sequence[Server], pace: Pace, rounds: int) -> list[Run]:
    cases = _cases(words)
    told = _Told(len(cases) * len(servers) * rounds, words.json)
    done = []
    for run in runs(on, cases, servers, pace, rounds):
        done.append(run)
        entry = {"case": run.case.name, "server": run.server.name, "round": run.round, **asdict(run.figures)}
        told(f"{run.case.title}, round {run.round + 1}, {run.server.title}: {line(run)}", entry)
    return done


def _besides(on: Stage, words: argparse.Namespace, servers: Sequence[Server], pace: Pace, rounds: int) -> list[Beside]:
    scenarios = [scenario for scenario in SCENARIOS if scenario.name in words.cases]
    ours = [server for server in servers if server.is_ours]
    told = _Told(sum(len(scenario.troubles) for scenario in scenarios) * len(ours) * rounds, words.json)
    done = []
    for run in beside.runs(on, scenarios, ours, pace, rounds):
        done.append(run)
        entry = {"case": run.scenario.name, "server": run.server.name, "round": run.round, "beside": run.trouble.name}
        title = f"beside {run.trouble.title}, round {run.round + 1}, {run.server.title}"
        told(f"{title}: {beside.line(run)}", {**entry, **asdict(run.told), **asdict(run.figures)})
    return done


def _drains(on: Stage, words: argparse.Namespace, rounds: int) -> list[Drained]:
    if draining.NAME not in words.cases:
        return []
    told = _Told(rounds, words.json)
    done = []
    for drained in draining.runs(on, rounds, 500 if words.quick else words.connections):
        done.append(drained)
        told(f"{draining.TITLE}, round {drained.round + 1}: {draining.line(drained)}", asdict(drained))
    return done


class _Told:
    """Each run is told as soon as it is there."""

    def __init__(self, total: int, file: Path | None) -> None:
        self._total, self._file, self._count = total, file, 0

    def __call__(self, text: str, entry: dict[str, object]) -> None:
        self._count += 1
        print(f"[{self._count}/{self._total}] {text}", flush=True)
        if self._file is not None:
            with self._file.open("a") as lines:
                lines.write(json.dumps(entry) + "\n")


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
