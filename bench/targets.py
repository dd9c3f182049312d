"""What we want to reach, and where it stands. Nothing here fails: figures of a shared machine are no test."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.cases import CASES, Case
from bench.report import Results

BY_NAME = {case.name: case for case in CASES}
MEMORY = 30.0  # KiB a connection
LESS_THAN_STOCK = 20.0
NEXT = {"hall": 30.0, "arena": 30.0, "pairs": 45.0}
LIKE_NODE = ("hall", "arena")
OURS = {"plain": "plain wire", "socketio": "Socket.IO"}


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
    rows = [*_against_stock(results), *_against_node(results), *_memory(results)]
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


def _verdict(is_met: bool) -> str:
    return "met" if is_met else "not yet"
