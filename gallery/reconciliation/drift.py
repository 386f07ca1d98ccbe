"""What a reconciliation has found, by counter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import nlargest
from typing import Any

EXAMPLES = 5  # of each counter, the worst


@dataclass(frozen=True)
class Drift:
    """One counter that was wrong: whose, what it said, and what it should have said."""

    of: int | str
    kept: int
    true: int


class Drifts:
    """How many of each counter were wrong, and the worst of them."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, int] = defaultdict(int)
        self._worst: defaultdict[str, list[Drift]] = defaultdict(list)

    def note(self, counter: str, found: Iterable[Drift]) -> None:
        found = list(found)
        self._counts[counter] += len(found)
        self._worst[counter] = nlargest(EXAMPLES, [*self._worst[counter], *found], key=lambda drift: abs(drift.kept - drift.true))

    def told(self) -> list[dict[str, Any]]:
        """As a drift report keeps them."""
        return [
            {
                "counter": counter,
                "count": count,
                "examples": [{"of": drift.of, "kept": drift.kept, "true": drift.true} for drift in self._worst[counter]],
            }
            for counter, count in self._counts.items()
            if count
        ]
