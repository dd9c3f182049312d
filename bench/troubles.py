"""What may go wrong for one client, and what is measured beside it: how the others fare."""

from dataclasses import dataclass

from bench.cases import Case

OTHERS = Case("others", "1 room x 100, 400 broadcasts a second", "pace", 100, rate=400)


@dataclass(frozen=True)
class Trouble:
    """What goes on beside the others, by the words of `bench.nuisances`; nothing without any."""

    name: str
    title: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """The same load beside each of these, in turn; `base` is what the others are compared with."""

    name: str
    title: str
    base: str
    troubles: tuple[Trouble, ...]


CALM = Trouble("calm", "nothing")
SCENARIOS = (
    Scenario(
        "reader",
        "a client that does not read",
        "coming",
        (
            CALM,
            Trouble("flood", "20 MB/s to one who reads", ("--flood",)),
            Trouble("coming", "the same, and one who comes and goes, and reads", ("--flood", "--coming")),
            Trouble("silent", "the same, and one who comes and does not read", ("--flood", "--silent")),
        ),
    ),
    Scenario(
        "query",
        "a slow query",
        "calm",
        (
            CALM,
            Trouble("one", "a query of 1 s, again and again", ("--queries", "1")),
            Trouble("all", "as many of them as there are threads (8)", ("--queries", "8")),
        ),
    ),
)
