"""What this process has counted and the database does not have yet: about a second's worth, in memory."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock


@dataclass(frozen=True)
class Batch:
    """What is written in one transaction, which remembers the id: however often it is tried, it counts once."""

    id: uuid.UUID = field(default_factory=uuid.uuid4)
    counts: Counter[tuple[int, dt.date, str]] = field(default_factory=Counter)  # by medium, day and column of `media_days`
    visitors: set[tuple[int, dt.date, str]] = field(default_factory=set)  # by medium and day: whose views may be unique
    parts: Counter[tuple[int, int]] = field(default_factory=Counter)  # by medium and part of it: stretches that covered it


class Buffer:
    """The batch that is being filled, and the one before it while that is being written."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._filling = Batch()
        self._sealed: Batch | None = None

    @property
    def is_empty(self) -> bool:
        return self._sealed is None and not self._filling.counts

    def add(self, media_id: int, column: str, amount: int = 1, *, visitor: str | None = None, parts: Iterable[int] = ()) -> None:
        """Count something of today (UTC)."""
        today = _today()
        with self._lock:
            self._filling.counts[media_id, today, column] += amount
            if parts:
                self._filling.parts.update((media_id, part) for part in parts)
            if visitor is not None:
                self._filling.visitors.add((media_id, today, visitor))

    def seal(self) -> Batch | None:
        """The batch to write now: one whose writing failed, else what has been counted since; None when there is nothing."""
        with self._lock:
            if self._sealed is None and self._filling.counts:
                self._sealed, self._filling = self._filling, Batch()
            return self._sealed

    def forget_sealed(self) -> None:
        """Let go of what the database has."""
        with self._lock:
            self._sealed = None


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
