"""Work that is done for many callers at once, as databases commit in groups.

While a batch is under way, others gather and become the next: the busier a process is the less each caller costs. Who has just
been answered often asks again at once, the first of them a moment before the others; so that all others need not wait for a batch
of one, a batch that is smaller than the last company waits for the rest of it, for a part of the time that work takes. A caller
who was alone is a batch of one, and waits for nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

PATIENCE = 0.5  # of the time that the last work took
MOST_PATIENCE = 0.004  # seconds


class _Caller(Generic[K, V]):
    """One who asks; `turn` is free once there is a reply, or a batch that this thread has to work on."""

    __slots__ = ("asked", "batch", "error", "reply", "turn")

    reply: V

    def __init__(self, asked: K) -> None:
        self.asked = asked
        self.batch: list[_Caller[K, V]] | None = None
        self.error: BaseException | None = None
        self.turn = Lock()
        self.turn.acquire()


class Batched(Generic[K, V]):
    """A function of one argument whose concurrent calls are worked on together, each by work that begins after it was called.

    `work` gets what is asked, at most `most` of it, and gives a reply for each in the same order. What it raises everybody gets
    who was in the batch, so it should fail only where it would fail for each of them.
    """

    def __init__(self, work: Callable[[Sequence[K]], Sequence[V]], *, most: int = 100) -> None:
        self._work = work
        self._most = most
        self._lock = Lock()
        self._waiting: list[_Caller[K, V]] = []
        self._is_busy = False
        self._company = 1  # callers who were there when the last batch was done, those of the batch among them
        self._took = 0.0  # seconds of the last work
        self._missing = 0  # callers for whom a batch still waits
        self._enough = Lock()  # free once it need not wait any more
        self._enough.acquire()

    def __call__(self, asked: K) -> V:
        caller: _Caller[K, V] = _Caller(asked)
        with self._lock:
            if not self._is_busy:
                self._is_busy = True
                caller.batch = [caller]
            else:
                self._waiting.append(caller)
                if self._missing:
                    self._missing -= 1
                    if not self._missing:
                        self._enough.release()
        if caller.batch is None:
            caller.turn.acquire()
        if caller.batch is not None:
            self._do(caller.batch)
        if caller.error is not None:
            raise caller.error
        return caller.reply

    def _do(self, batch: list[_Caller[K, V]]) -> None:
        self._wait_for_company(batch)
        began = monotonic()
        try:
            for caller, reply in zip(batch, self._work([caller.asked for caller in batch]), strict=True):
                caller.reply = reply
        except BaseException as error:  # noqa: BLE001 - raised again by everybody who waits for it
            for caller in batch:
                caller.error = error
        finally:
            self._took = monotonic() - began
            self._hand_over(len(batch))
            for caller in batch[1:]:
                caller.turn.release()

    def _wait_for_company(self, batch: list[_Caller[K, V]]) -> None:
        """Have those join the batch who were there the last time, too, as far as they come soon."""
        if len(batch) >= min(self._company, self._most):
            return
        with self._lock:
            self._missing = max(0, min(self._company, self._most) - len(batch) - len(self._waiting))
            must_wait = self._missing > 0
        has_come = must_wait and self._enough.acquire(timeout=min(PATIENCE * self._took, MOST_PATIENCE))
        with self._lock:
            if must_wait and not has_come and not self._missing:
                self._enough.acquire()  # the last one came just now
            self._missing = 0
            place = self._most - len(batch)
            joining, self._waiting = self._waiting[:place], self._waiting[place:]
        batch += joining

    def _hand_over(self, answered: int) -> None:
        """Have the first of those who wait work on the next batch."""
        with self._lock:
            self._company = answered + len(self._waiting)
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            self._is_busy = bool(batch)
        if batch:
            batch[0].batch = batch
            batch[0].turn.release()
