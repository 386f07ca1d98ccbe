"""Replies that are worth computing once for everybody who asks within a moment.

What a cache gives was read from the database less than `seconds` ago, counted from before the read: a lock that is
committed while somebody reads is as late as one that is committed after it, by `seconds` at most.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Event, Lock
from time import monotonic
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Reading(Generic[V]):
    """A value that one thread computes and others wait for."""

    __slots__ = ("began_at", "done", "error", "value")

    value: V

    def __init__(self) -> None:
        self.began_at = monotonic()
        self.done = Event()
        self.error: BaseException | None = None


class MicroCache(Generic[K, V]):
    """Values by key, for `seconds`; computed once however many ask at the same time. 0 seconds: it keeps nothing.

    It holds at most `most_entries` whose sizes add up to at most `most_bytes`; the oldest leave first.
    """

    def __init__(self, *, seconds: float, most_entries: int, most_bytes: int, size_of: Callable[[V], int]) -> None:
        self._seconds = seconds
        self._most_entries = most_entries
        self._most_bytes = most_bytes
        self._size_of = size_of
        self._kept: OrderedDict[K, _Reading[V]] = OrderedDict()
        self._bytes = 0
        self._under_way: dict[K, _Reading[V]] = {}
        self._lock = Lock()

    def get(self, key: K, compute: Callable[[], V]) -> V:
        """The value of the key; whoever waits for another's `compute` that fails gets its error too."""
        kept = self._kept.get(key)
        if kept is not None and self._is_fresh(kept):
            return kept.value
        if self._seconds <= 0:
            return compute()
        while True:
            with self._lock:
                reading = self._under_way.get(key)
                is_ours = reading is None
                if reading is None:
                    reading = self._under_way[key] = _Reading()
            if is_ours:
                return self._read(key, reading, compute)
            reading.done.wait()
            if reading.error is not None:
                raise reading.error
            if self._is_fresh(reading):
                return reading.value

    def _read(self, key: K, reading: _Reading[V], compute: Callable[[], V]) -> V:
        try:
            reading.value = compute()
        except BaseException as error:
            reading.error = error
            raise
        else:
            self._keep(key, reading)
            return reading.value
        finally:
            with self._lock:
                self._under_way.pop(key, None)
            reading.done.set()

    def _keep(self, key: K, reading: _Reading[V]) -> None:
        with self._lock:
            self._drop(key)
            self._kept[key] = reading
            self._bytes += self._size_of(reading.value)
            while self._kept and (len(self._kept) > self._most_entries or self._bytes > self._most_bytes or self._oldest_is_stale()):
                self._drop(next(iter(self._kept)))

    def _drop(self, key: K) -> None:
        if (dropped := self._kept.pop(key, None)) is not None:
            self._bytes -= self._size_of(dropped.value)

    def _oldest_is_stale(self) -> bool:
        return not self._is_fresh(next(iter(self._kept.values())))

    def _is_fresh(self, reading: _Reading[V]) -> bool:
        return monotonic() - reading.began_at < self._seconds
