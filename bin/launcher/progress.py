"""What a start says while it works."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def say(text: str, *, end: str = "\n") -> None:
    """Print to whoever started us; a terminal that was closed meanwhile is no reason to end badly."""
    try:
        print(text, end=end, flush=True)
    except OSError:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 (for as long as we live)


class Counter:
    """`Installing: 12 of 62`, rewritten in place on a terminal, said once elsewhere."""

    def __init__(self, label: str, *, total: int) -> None:
        self.label, self.total, self.count = label, total, 0
        self.is_live = sys.stdout.isatty()
        if not self.is_live:
            say(f"{label}: {total} packages")

    def advance(self, count: int) -> None:
        self.count = min(self.count + count, self.total)
        if self.is_live:
            say(f"\r{self.label}: {self.count} of {self.total} packages", end="")

    def finish(self) -> None:
        if self.is_live:
            say("")
