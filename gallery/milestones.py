"""Where the deep pages of long lists start, learnt on the way there.

PostgreSQL comes to the row at an offset by passing over all rows before it, which takes 50 ms for half a million. That
walk notes the key of every thousandth row, a milestone; for ten seconds the list's other deep pages start from the
nearest one, and then until somebody has walked anew. So a deep page may begin where it did ten seconds ago. Which rows
it shows is read each time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Any

STRIDE = 1000  # rows from one milestone to the next
LIFE = 10.0  # seconds
MOST_LISTS = 64  # whose milestones a process remembers: some 200 kB for each million rows

Key = Sequence[Any]  # what rows are sorted by
Walk = Callable[[Key | None, int], Sequence[Key]]  # from a row (None: the first) on: the keys of so many milestones, fewer at the end


@dataclass
class _Learnt:
    """The milestones of one list, from its first row on: `keys[0]` is the key of row 1,000, counted from 0."""

    born_at: float  # by the monotonic clock
    before: list[Key] = field(default_factory=list)  # the keys that were learnt the time before
    keys: list[Key] = field(default_factory=list)
    walking: Lock = field(default_factory=Lock)

    def reaching(self, wanted: int, walk: Walk) -> list[Key]:
        """So many milestones, fewer where the list ends."""
        if len(self.before) >= wanted > len(self.keys) and self.walking.locked():
            return self.before
        with self.walking:
            if len(self.keys) < wanted:
                self.keys += walk(self.keys[-1] if self.keys else None, wanted - len(self.keys))
        return self.keys


class Milestones:
    """The milestones that this process knows, by list."""

    def __init__(self) -> None:
        self._lists: OrderedDict[str, _Learnt] = OrderedDict()
        self._lock = Lock()

    def before(self, offset: int, *, scope: str, walk: Walk) -> tuple[Key | None, int]:
        """The milestone to start from for the row at `offset`, and how many rows lie between; None is the list's first row."""
        wanted = offset // STRIDE
        keys = self._learnt(scope).reaching(wanted, walk)
        passed = min(wanted, len(keys))
        return (keys[passed - 1] if passed else None), offset - passed * STRIDE

    def _learnt(self, scope: str) -> _Learnt:
        now = monotonic()
        with self._lock:
            learnt = self._lists.get(scope)
            if learnt is None or now - learnt.born_at >= LIFE:
                is_recent = learnt is not None and now - learnt.born_at < 2 * LIFE
                learnt = self._lists[scope] = _Learnt(now, before=learnt.keys if learnt and is_recent else [])
            self._lists.move_to_end(scope)
            while len(self._lists) > MOST_LISTS:
                self._lists.popitem(last=False)
            return learnt
