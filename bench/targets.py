"""What we want to reach, and where it stands. Nothing here fails: figures of a shared machine are no test."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.beside import Fares
from bench.cases import CASES, Case
from bench.draining import Drained
from bench.report import Results
from bench.troubles import SCENARIOS

BY_NAME = {case.name: case for case in CASES}
MEMORY = 30.0  # KiB a connection
LESS_THAN_STOCK = 20.0
NEXT = {"hall": 30.0, "arena": 30.0, "pairs": 45.0}
LIKE_NODE = ("hall", "arena")
OURS = {"plain": "plain wire", "socketio": "Socket.IO"}
MOVED = 1.5  # times the p99 of others; less is what a shared machine does by itself
GROWTH = 5.0  # MB
SLOW_QUERY_P99 = 50.0  # ms
UNREADY, EXIT = 0.5, 30.0  # seconds


@dataclass(frozen=True)
class Standing:
    """One target."""

    target: str
    measured: str
    verdict: str

    def __str__(self) -> str:
        return f"| {self.target} | {self.measured} | {self.verdict} |"


def standings(results: Results) -> str:
    """A table in Markdown; what was not measured is left out."""
    return _table([*_against_stock(results), *_against_node(results), *_memory(results)])


def standings_beside(fares: Fares) -> str:
    """The same of those who are beside a client that is trouble."""
    return _table([*_beside_a_reader(fares), *_beside_queries(fares)])


def standings_of_ends(drains: Sequence[Drained]) -> str:
    """The same of the ends of servers: of the worst of them."""
    return _table(list(_ends([drained for drained in drains if not drained.error])))


def _table(rows: Sequence[Standing]) -> str:
    if not rows:
        return ""
    return "\n".join(["| target | measured | |", "|---|---|---|", *map(str, rows)])


def _against_stock(results: Results) -> Iterator[Standing]:
    for name, further in NEXT.items():
        case = BY_NAME[name]
        for server, title in OURS.items():
            times = results.ratio(case, server, "stock")
            if times is not None:
                verdict = _verdict(times >= LESS_THAN_STOCK)
                target = f"{case.title}, {title}: {LESS_THAN_STOCK:.0f} times less CPU than stock (next: {further:.0f})"
                yield Standing(
                    target, f"{times:.1f} times less", verdict + (", the next too" if times >= further else "")
                )


def _against_node(results: Results) -> Iterator[Standing]:
    for name in LIKE_NODE:
        case: Case = BY_NAME[name]
        times = results.ratio(case, "socketio", "node")
        if times is not None:
            target = f"{case.title}, Socket.IO: not dearer than Node's server"
            yield Standing(target, f"{times:.2f} times less CPU", _verdict(times >= 1))


def _memory(results: Results) -> Iterator[Standing]:
    for server, title in OURS.items():
        kib = results.median(BY_NAME["memory"], server, lambda figures: figures.memory)
        if kib is not None:
            yield Standing(f"a connection, {title}: under {MEMORY:.0f} KiB", f"{kib:.1f} KiB", _verdict(kib < MEMORY))


def _beside_a_reader(fares: Fares) -> Iterator[Standing]:
    scenario = SCENARIOS[0]
    for server, title in OURS.items():
        times = fares.ratio(scenario, "silent", server)
        if times is not None:
            target = f"beside a client that does not read, {title}: p99 under {MOVED:g} times that beside one who does"
            yield Standing(target, f"{times:.2f} times", _verdict(times < MOVED))
        growth = fares.median(scenario, "silent", server, lambda run: run.told.growth)
        if growth is not None:
            target = f"the same, {title}: the process grows by less than {GROWTH:g} MB"
            yield Standing(target, f"{growth:.1f} MB", _verdict(growth < GROWTH))


def _beside_queries(fares: Fares) -> Iterator[Standing]:
    scenario = SCENARIOS[1]
    for server, title in OURS.items():
        for trouble in ("one", "all"):
            p99 = fares.median(scenario, trouble, server, lambda run: run.figures.p99)
            if p99 is not None:
                queries = next(one.title for one in scenario.troubles if one.name == trouble)
                target = f"beside {queries}, {title}: p99 under {SLOW_QUERY_P99:g} ms"
                yield Standing(target, f"{p99:.1f} ms", _verdict(p99 < SLOW_QUERY_P99))


def _ends(drains: Sequence[Drained]) -> Iterator[Standing]:
    if not drains:
        return
    unready = max(drained.unready or EXIT for drained in drains)
    yield Standing(f"/readyz says 503 within {UNREADY:g} s", f"{unready:.2f} s", _verdict(unready < UNREADY))
    told = sum(drained.codes.get("1001", 0) for drained in drains)
    connections = sum(drained.connections for drained in drains)
    target = "every connection gets a close frame with 1001"
    yield Standing(target, f"{told:,} of {connections:,}", _verdict(told == connections))
    known, left = sum(drained.known for drained in drains), sum(drained.left for drained in drains)
    yield Standing(
        "every disconnect runs", f"{known - left:,} of {connections:,}", _verdict(left == 0 and known == connections)
    )
    exited = max(drained.exited for drained in drains)
    yield Standing(f"exit within {EXIT:g} s", f"{exited:.1f} s", _verdict(exited < EXIT))


def _verdict(is_met: bool) -> str:
    return "met" if is_met else "not yet"
