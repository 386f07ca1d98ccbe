"""What a scan has to say about single files."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

MOST_OF_A_KIND = 1000
LONGEST_DETAIL = 500  # characters


@dataclass
class Findings:
    """Lines of a report, bounded per kind; what is over the bound is only counted."""

    lines: list[dict[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, path: str, detail: str = "") -> None:
        self.counts[kind] += 1
        if self.counts[kind] <= MOST_OF_A_KIND:
            self.lines.append({"kind": kind, "path": path, "detail": detail[:LONGEST_DETAIL]})
