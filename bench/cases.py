"""What is measured."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Case:
    """A load: so many connections, spread over so many rooms, with so many messages under way at any time.

    Or, where it has a `rate`, so many a second.
    """

    name: str
    title: str
    mode: Literal["fan", "pace", "echo", "hold", "drain"]
    connections: int
    rooms: int = 1
    window: int = 1
    rate: int = 0

    @property
    def is_memory(self) -> bool:
        """Whether only memory is measured: nothing is said."""
        return self.mode == "hold"


CASES = (
    Case("hall", "1 room x 200, window 1", "fan", 200),
    Case("arena", "1 room x 1000, window 8", "fan", 1000, window=8),
    Case("pairs", "100 rooms x 2, window 50", "fan", 200, rooms=100, window=50),
    Case("echo", "echo, 100 connections", "echo", 100),
    Case("memory", "2000 idle connections", "hold", 2000),
)
MOST_CONNECTIONS = max(case.connections for case in CASES)
