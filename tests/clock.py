"""A clock that a test moves."""

from __future__ import annotations


class Clock:
    """Stands in for a module's `monotonic`."""

    def __init__(self) -> None:
        self.now = 1000.0  # seconds

    def __call__(self) -> float:
        return self.now
