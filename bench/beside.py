"""How others fare beside a client that is trouble: paired runs, and their table."""

import json
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from bench.client import Figures, Pace
from bench.measuring import NotStarted, Stage
from bench.processes import ROOT, pinned
from bench.servers import Server
from bench.troubles import OTHERS, Scenario, Trouble

START_TIMEOUT = 60.0
TRIES = 3
DISTURBED = 0.02  # share of the time without a CPU, from which a run is tried again


@dataclass(frozen=True)
class Told:
    """What `bench.nuisances` says in the end."""

    megabytes: float = 0.0  # a second, that the one who reads has read
    growth: float = 0.0  # of the server's memory at its peak, in MB
    waited: float = 0.0  # share of the time in which the server was ready to run, but had no CPU
    ends: dict[str, int] = field(default_factory=dict)  # of those who did not read, and how many there were
    queries: list[float] = field(default_factory=list)  # how long each took, in seconds


@dataclass(frozen=True)
class Beside:
    """One run."""

    scenario: Scenario
    trouble: Trouble
    server: Server
    round: int
    figures: Figures
    told: Told = field(default_factory=Told)


def runs(
    on: Stage, scenarios: Sequence[Scenario], servers: Sequence[Server], pace: Pace, rounds: int
) -> Iterator[Beside]:
    """In each round all troubles of a scenario, one after the other, on each server of ours."""
    for scenario in scenarios:
        for number in range(rounds):
            for server in servers:
                for trouble in scenario.troubles:
                    yield Beside(scenario, trouble, server, number, *_undisturbed(on, trouble, server, pace))


def _undisturbed(on: Stage, trouble: Trouble, server: Server, pace: Pace) -> tuple[Figures, Told]:
    """A run in which the machine left the server its CPU; of TRIES, the one in which it did so most."""
    tries: list[tuple[Figures, Told]] = []
    while len(tries) < TRIES:
        tries.append(_run(on, trouble, server, pace))
        figures, told = tries[-1]
        if figures.error or told.waited < DISTURBED:
            return figures, told
    figures, told = min(tries, key=lambda one: one[1].waited)
    doubt = f"in each of {TRIES} tries something else was on the server's CPU, {told.waited:.1%} of the time at least"
    return replace(figures, notes=[*figures.notes, doubt]), told


def _run(on: Stage, trouble: Trouble, server: Server, pace: Pace) -> tuple[Figures, Told]:
    try:
        with on.serving(server) as (process, port), _nuisance(on, trouble, server, process.pid, port) as nuisance:
            figures = on.load(OTHERS, server, pace, process.pid, port, signalled=nuisance.pid)
            if figures.error:
                return figures, Told()
            printed, _ = nuisance.communicate(timeout=START_TIMEOUT)
            return figures, Told(**json.loads(printed))
    except (NotStarted, ValueError, subprocess.TimeoutExpired) as error:
        return Figures(error=str(error)), Told()


@contextmanager
def _nuisance(on: Stage, trouble: Trouble, server: Server, pid: int, port: int) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "bench.nuisances", "--wire", server.name, "--port", str(port)]
    command += ["--server", str(pid), "--tokens", str(on.ours.tokens), "--redis", on.redis.url, *trouble.words]
    env = {**on.ours.env(on.redis.url), "DJANGO_SETTINGS_MODULE": "realtime_project.settings"}
    with pinned(on.client_cpu):
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise NotStarted("bench.nuisances did not start")
        yield process
    finally:
        process.kill()
        process.wait()


class Fares:
    """Everything that was measured."""

    def __init__(self, all_runs: Iterable[Beside]) -> None:
        self.runs = list(all_runs)

    def scenarios(self) -> list[Scenario]:
        """Those that were measured, in their order."""
        return list(dict.fromkeys(run.scenario for run in self.runs))

    def servers(self) -> list[Server]:
        """Those that gave figures."""
        return list({run.server.name: run.server for run in self.runs if not run.figures.error}.values())

    def of(self, scenario: Scenario, trouble: str, server: str) -> dict[int, Beside]:
        """The good runs, by round."""
        wanted = (scenario.name, trouble, server)
        return {
            run.round: run
            for run in self.runs
            if (run.scenario.name, run.trouble.name, run.server.name) == wanted and not run.figures.error
        }

    def median(self, scenario: Scenario, trouble: str, server: str, pick: Callable[[Beside], float]) -> float | None:
        """Over the rounds; None without any."""
        values = [pick(run) for run in self.of(scenario, trouble, server).values()]
        return statistics.median(values) if values else None

    def ratio(self, scenario: Scenario, trouble: str, server: str) -> float | None:
        """Of the p99 to that of the base in the same round."""
        these, bases = self.of(scenario, trouble, server), self.of(scenario, scenario.base, server)
        ratios = [
            run.figures.p99 / bases[number].figures.p99
            for number, run in these.items()
            if number in bases and bases[number].figures.p99
        ]
        return statistics.median(ratios) if ratios else None


COLUMNS: dict[str, Callable[[Beside], float]] = {
    "p50, ms": lambda run: run.figures.p50,
    "p99, ms": lambda run: run.figures.p99,
    "without a CPU, %": lambda run: 100 * run.told.waited,
    "memory, MB more": lambda run: run.told.growth,
}


def tables(fares: Fares) -> str:
    """One table a scenario, in Markdown."""
    return "\n\n".join(_table(fares, scenario) for scenario in fares.scenarios())


def _table(fares: Fares, scenario: Scenario) -> str:
    base = next(trouble.title for trouble in scenario.troubles if trouble.name == scenario.base)
    lines = [
        f'**Beside {scenario.title}: {OTHERS.title}**; the base is "{base}"',
        "",
        "| " + " | ".join(["server", "beside", *COLUMNS, "p99 / base", "what went on"]) + " |",
        "| --- | --- |" + " ---: |" * (len(COLUMNS) + 1) + " --- |",
    ]
    for server in fares.servers():
        for trouble in scenario.troubles:
            if not (these := fares.of(scenario, trouble.name, server.name)):
                continue
            figures = [fares.median(scenario, trouble.name, server.name, pick) for pick in COLUMNS.values()]
            ratio = None if trouble.name == scenario.base else fares.ratio(scenario, trouble.name, server.name)
            texts = ["" if value is None else f"{value:.2f}" for value in [*figures, ratio]]
            told = _went_on([run.told for run in these.values()])
            lines.append("| " + " | ".join([server.title, trouble.title, *texts, told]) + " |")
    return "\n".join(lines)


def _went_on(told: Sequence[Told]) -> str:
    parts = []
    if megabytes := statistics.median(one.megabytes for one in told):
        parts.append(f"{megabytes:.1f} MB/s")
    ends: Counter[str] = Counter()
    for one in told:
        ends.update(one.ends)
    parts += [f"{end}: {count}" for end, count in sorted(ends.items())]
    if queries := [seconds for one in told for seconds in one.queries]:
        parts.append(f"{len(queries)} queries of {statistics.median(queries):.2f} s")
    return ", ".join(parts)


def line(run: Beside) -> str:
    """One run, as progress."""
    if run.figures.error:
        return f"failed: {run.figures.error}"
    text = f"p50 {run.figures.p50:.2f} ms, p99 {run.figures.p99:.2f} ms, {run.told.growth:.1f} MB more"
    text += f", {run.told.waited:.1%} of the time without a CPU"
    return "; ".join(part for part in [text, _went_on([run.told]), *run.figures.notes] if part)


def doubts(all_runs: Sequence[Beside]) -> list[str]:
    """What should be known beside the figures."""
    return [
        f"beside {run.trouble.title}, {run.server.title}, round {run.round + 1}: {doubt}"
        for run in all_runs
        for doubt in [*run.figures.notes, *run.figures.error.splitlines()[:1]]
    ]
