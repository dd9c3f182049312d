"""From runs to a table: medians, and medians of the ratios paired by round."""

import statistics
from collections.abc import Callable, Iterable, Sequence

from bench.cases import Case
from bench.client import Figures
from bench.measuring import Run
from bench.servers import SERVERS, Server

BASES = {server.name: server for server in SERVERS if not server.is_ours}


class Results:
    """Everything that was measured."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self.runs = list(runs)

    def of(self, case: Case, server: str) -> dict[int, Figures]:
        """The good runs of a server, by round."""
        return {
            run.round: run.figures
            for run in self.runs
            if run.case.name == case.name and run.server.name == server and not run.figures.error
        }

    def cases(self) -> list[Case]:
        """Those that were measured, in their order."""
        return list(dict.fromkeys(run.case for run in self.runs))

    def servers(self, case: Case) -> list[Server]:
        """Those that gave figures."""
        return [server for server in SERVERS if self.of(case, server.name)]

    def median(self, case: Case, server: str, pick: Callable[[Figures], float]) -> float | None:
        """Over the rounds; None without any."""
        values = [pick(figures) for figures in self.of(case, server).values()]
        return statistics.median(values) if values else None

    def ratio(self, case: Case, server: str, base: str) -> float | None:
        """How many times dearer the other one is: CPU, or memory where that is what is measured."""
        pick = _memory if case.is_memory else _cpu
        ours, theirs = self.of(case, server), self.of(case, base)
        ratios = [
            pick(theirs[number]) / pick(ours[number]) for number in ours if number in theirs and pick(ours[number])
        ]
        return statistics.median(ratios) if ratios else None


def _cpu(figures: Figures) -> float:
    return figures.cpu


def _memory(figures: Figures) -> float:
    return figures.memory


COLUMNS: dict[str, Callable[[Figures], float]] = {
    "server CPU, us a delivery": _cpu,
    "Redis CPU, us": lambda figures: figures.redis,
    "deliveries a second": lambda figures: figures.rate,
    "p50, ms": lambda figures: figures.p50,
    "p99, ms": lambda figures: figures.p99,
}
MEMORY_COLUMNS: dict[str, Callable[[Figures], float]] = {"KiB a connection": _memory}


def tables(results: Results) -> str:
    """One table a case, in Markdown."""
    return "\n\n".join(_table(results, case) for case in results.cases())


def _table(results: Results, case: Case) -> str:
    columns = MEMORY_COLUMNS if case.is_memory else COLUMNS
    others = [base for base in BASES if results.of(case, base)]
    head = ["server", *columns, *(f"{base} / this" for base in others)]
    rows = [
        [
            server.title,
            *(_text(results.median(case, server.name, pick)) for pick in columns.values()),
            *("" if server.name == base else _times(results.ratio(case, server.name, base)) for base in others),
        ]
        for server in results.servers(case)
    ]
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return f"**{case.title}**\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _text(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _times(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}" if value < 1 else f"{value:.3g}" if value < 100 else f"{value:.0f}"


def line(run: Run) -> str:
    """One run, as progress."""
    figures = run.figures
    if figures.error:
        return f"failed: {figures.error}"
    if run.case.is_memory:
        return "; ".join([f"{figures.memory:.1f} KiB a connection", *figures.notes])
    text = f"{figures.cpu:.1f} us CPU a delivery, {figures.rate:,.0f} a second, p50 {figures.p50:.2f} ms"
    text += f", p99 {figures.p99:.2f} ms, client {figures.client:.0%}"
    return "; ".join([text, *figures.notes])


def doubts(runs: Sequence[Run]) -> list[str]:
    """What should be known beside the figures."""
    return [
        f"{run.case.title}, {run.server.title}, round {run.round + 1}: {doubt}"
        for run in runs
        for doubt in [*run.figures.notes, *run.figures.error.splitlines()[:1]]
    ]
