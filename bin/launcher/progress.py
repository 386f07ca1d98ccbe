"""What a start says while it works."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    print(text, flush=True)


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
            print(f"\r{self.label}: {self.count} of {self.total} packages", end="", flush=True)

    def finish(self) -> None:
        if self.is_live:
            print(flush=True)
